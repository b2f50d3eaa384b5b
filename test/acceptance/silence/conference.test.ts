import { testSilence } from './suite.ts';

testSilence('conference');
