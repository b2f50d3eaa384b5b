import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const LINGERING = new URL('../../../dist/src/cli/lingering.js', import.meta.url);

function run(body: string): { readonly status: number | null; readonly stderr: string } {
  const code = `import { endThoughLingering } from '${fileURLToPath(LINGERING)}'; ${body}`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
}

test('a process that is done ends though something was left open, and says what', () => {
  const { status, stderr } = run('process.exitCode = 3; setInterval(() => {}, 1000); endThoughLingering(1);');
  expect({ status, stderr }).toEqual({ status: 3, stderr: 'hushtone: this was left open: Timeout\n' });
});

test('a process that has left nothing open ends by itself', () => {
  const { status, stderr } = run('process.exitCode = 3; endThoughLingering(60_000);');
  expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
});
