import { testImpairments } from './suite.ts';

testImpairments('dial');
