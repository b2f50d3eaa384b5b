// Debian packages that the tests need, by the program that each brings. Installs those that are missing.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = {
  rtpengine: 'rtpengine-daemon',
  'multimon-ng': 'multimon-ng',
  sox: 'sox',
  'espeak-ng': 'espeak-ng',
};

function isInstalled(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The command that runs apt-get with the rights it needs, or undefined when this user has none. */
function privilegedAptGet() {
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).error) return undefined;
  if (process.getuid?.() === 0) return ['apt-get'];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0
    ? ['sudo', '-n', 'apt-get']
    : undefined;
}

/** Returns undefined when everything is there, else one sentence that says what is missing and how to get it. */
export function installSystemPackages() {
  const missing = Object.keys(PACKAGES).filter((program) => !isInstalled(program));
  if (missing.length === 0) return undefined;
  const names = missing.map((program) => PACKAGES[program]);
  const advice = `The tests need the Debian packages ${names.join(', ')}: run apt-get install ${names.join(' ')} as root.`;
  const aptGet = privilegedAptGet();
  if (aptGet === undefined) return advice;

  process.stdout.write(`Installing ${names.join(', ')} ...\n`);
  const [command, ...prefix] = aptGet;
  const run = (...args) =>
    spawnSync(command, [...prefix, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      // The tests start their own media server: the system's one stays off.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
  run('update', '-qq');
  run('install', '-y', '-qq', '--no-install-recommends', ...names);
  const still = missing.filter((program) => !isInstalled(program));
  return still.length === 0 ? undefined : advice;
}
