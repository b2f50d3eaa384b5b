import { expect, test } from 'vitest';
import { leakingFlags } from '../../../src/config/node-flags.ts';

test.each([
  '--inspect',
  '--inspect=0.0.0.0:9229',
  '--inspect-brk',
  '--inspect_brk=9229',
  '--inspect-wait',
  '--heapsnapshot-signal=SIGUSR2',
  '--heapsnapshot-near-heap-limit=3',
  '--heap-prof',
  '--heap-prof-dir=/tmp',
  '--report-on-signal',
  '--report-on-fatalerror',
  '--report-uncaught-exception',
  '--abort-on-uncaught-exception',
])('%s is refused on the command line and in NODE_OPTIONS', (flag) => {
  const name = flag.replace(/=.*/, '').replaceAll('_', '-');
  expect(leakingFlags(['--enable-source-maps', flag])).toEqual([name]);
  expect(leakingFlags([], `--max-old-space-size=4096 ${flag} --trace-warnings`)).toEqual([name]);
});

test.each([
  '--inspect-port=0',
  '--cpu-prof',
  '--report-dir=/tmp',
  '--max-old-space-size=4096',
  '--inspection',
])('%s is not', (flag) => {
  expect(leakingFlags([flag], flag)).toEqual([]);
});

test('a flag in quotes is a flag, a value that looks like one is not', () => {
  expect(leakingFlags([], '"--inspect" --title="a --heap-prof b"')).toEqual(['--inspect']);
});

test('a flag given twice is named once', () => {
  expect(leakingFlags(['--inspect', '--inspect=1'], '--inspect')).toEqual(['--inspect']);
});
