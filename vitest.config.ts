import { defineConfig } from 'vitest/config';

/** What needs the machine to itself. */
const REAL_TIME = [
  'chaos',
  'concurrency',
  'demo',
  'faults',
  'impairments',
  'locked-first',
  'recording',
  'silence',
].map((name) => `test/acceptance/${name}.test.ts`);

export default defineConfig({
  test: {
    // By default a core is left idle, which on two cores means one file at a time.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 120_000,
          // Making RSA keys takes its time on a busy machine.
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'acceptance',
          include: ['test/acceptance/**/*.test.ts'],
          exclude: REAL_TIME,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'real-time',
          include: REAL_TIME,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          // Many calls at once, or sound that is judged: after everything else, one file after another.
          sequence: { groupOrder: 3 },
          fileParallelism: false,
        },
      },
    ],
  },
});
