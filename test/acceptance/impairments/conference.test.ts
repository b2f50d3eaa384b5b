import { testImpairments } from './suite.ts';

testImpairments('conference');
