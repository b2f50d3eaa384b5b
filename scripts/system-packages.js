// Debian packages that the tests need, by the program that each brings. Installs those that are missing.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const PACKAGES = {
  rtpengine: 'rtpengine-daemon',
  'multimon-ng': 'multimon-ng',
  sox: 'sox',
  'espeak-ng': 'espeak-ng',
  'softhsm2-util': 'softhsm2',
};

/** What compiles the package pkcs11js, where `npm ci` could not. */
const COMPILER = { 'g++': 'build-essential', make: 'build-essential', python3: 'python3' };

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

/** Installs the packages of the programs that are missing; the programs that still are. */
function install(packages, aptGet) {
  const missing = Object.keys(packages).filter((program) => !isInstalled(program));
  const names = [...new Set(missing.map((program) => packages[program]))];
  if (names.length === 0 || aptGet === undefined) return missing;

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
  return missing.filter((program) => !isInstalled(program));
}

function loadsPkcs11() {
  return spawnSync(process.execPath, ['-e', 'require("pkcs11js")'], { stdio: 'ignore' }).status === 0;
}

/**
 * pkcs11js is optional: `npm ci` leaves it out where it cannot be compiled, and the tests of keys in a token need it.
 * Returns undefined when it is there, else one sentence.
 */
function buildPkcs11(aptGet) {
  if (loadsPkcs11()) return undefined;
  install(COMPILER, aptGet);
  process.stdout.write('Building pkcs11js ...\n');
  // Without Node's own headers node-gyp asks the network for them; most installations have them beside the program.
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const hasHeaders = existsSync(join(prefix, 'include', 'node', 'node.h'));
  const env = { ...process.env, ...(hasHeaders && { npm_config_nodedir: prefix }) };
  const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  // An optional package that failed to build is not only unbuilt: npm takes it away again.
  const command = existsSync(join('node_modules', 'pkcs11js'))
    ? ['rebuild', 'pkcs11js']
    : ['install', '--no-save', '--no-audit', '--no-fund', `pkcs11js@${optionalDependencies.pkcs11js}`];
  spawnSync('npm', command, { stdio: ['ignore', 'ignore', 'inherit'], env });
  return loadsPkcs11()
    ? undefined
    : 'The tests need the package pkcs11js: run apt-get install build-essential python3 as root, then npm rebuild pkcs11js.';
}

/** Returns undefined when everything is there, else one sentence that says what is missing and how to get it. */
export function installSystemPackages() {
  const aptGet = privilegedAptGet();
  const missing = install(PACKAGES, aptGet);
  if (missing.length > 0) {
    const names = missing.map((program) => PACKAGES[program]);
    return `The tests need the Debian packages ${names.join(', ')}: run apt-get install ${names.join(' ')} as root.`;
  }
  return buildPkcs11(aptGet);
}
