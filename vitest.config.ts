import { defineConfig } from 'vitest/config';

const filesOf = (names: readonly string[]): string[] =>
  names.map((name) => `test/acceptance/${name}{,/*}.test.ts`);

/** Sound is judged, of a few calls at a time; or little happens but waiting. */
const REAL_TIME = filesOf(['demo', 'faults', 'impairments', 'locked-first', 'recording']);

/** What needs the machine to itself: many calls, whose sound is judged, or as much as the machine can do. */
const ALONE = filesOf(['chaos', 'concurrency', 'silence']);

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
          globalSetup: 'test/support/database-template.ts',
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'acceptance',
          include: ['test/acceptance/**/*.test.ts'],
          exclude: [...REAL_TIME, ...ALONE],
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
          // After everything that keeps the machine busy. Two files at a time leave most of two cores idle.
          sequence: { groupOrder: 3 },
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'alone',
          include: ALONE,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 4 },
          fileParallelism: false,
        },
      },
    ],
  },
});
