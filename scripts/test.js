// `npm test`: installs the system packages that are missing, checks the code and runs every test. The last line is
// `N passed, N failed`; the exit code is 0 only when nothing failed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installSystemPackages } from './system-packages.js';

const CHECKS = [
  ['build', ['tsc', '-p', 'tsconfig.build.json']],
  ['types', ['tsc', '-p', 'tsconfig.json']],
  ['lint', ['oxlint', '--type-aware', '--deny-warnings', 'src', 'simulators', 'test', 'bench']],
  ['contract', ['redocly', 'lint', 'openapi.yaml']],
  ['format', ['prettier', '--check', '--log-level', 'warn', '.']],
];

/** Nothing here asks the network for anything. */
const ENVIRONMENT = {
  ...process.env,
  REDOCLY_TELEMETRY: 'off',
  REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
};

let passed = 0;
let failed = 0;
// Tests that need what this machine does not have: Linux, or to run as root.
let skipped = 0;

function run(name, command) {
  process.stdout.write(`\n── ${name}\n`);
  const { status } = spawnSync('npx', ['--no-install', ...command], { stdio: 'inherit', env: ENVIRONMENT });
  return status === 0;
}

function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'hushtone-test-'));
  const report = join(folder, 'report.json');
  const green = run('tests', [
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ]);
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    passed += result.numPassedTests;
    // A file that cannot be loaded has no test that could fail, so it counts itself.
    const brokenFiles = result.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
    );
    skipped += result.numPendingTests + result.numTodoTests;
    failed += result.numFailedTests + brokenFiles.length;
    if (!green && failed === 0) failed += 1;
  } catch {
    failed += 1;
  }
  rmSync(folder, { recursive: true });
}

const problem = installSystemPackages();
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  failed += 1;
} else {
  for (const [name, command] of CHECKS) {
    if (run(name, command)) passed += 1;
    else failed += 1;
  }
  runTests();
}
const notRun = skipped === 0 ? '' : `, ${skipped} skipped`;
process.stdout.write(`\n${passed} passed, ${failed} failed${notRun}\n`);
process.exitCode = failed === 0 ? 0 : 1;
