import { testSilence } from './suite.ts';

testSilence('dial');
