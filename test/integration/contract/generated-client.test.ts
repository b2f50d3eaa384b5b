import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHttp, type TestHttp } from '../../support/http.ts';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** A generator reads 4,000 lines and a compiler starts cold. */
const GENERATED_WITHIN_MS = 120_000;

/** What an integrator writes against the generated client. */
const PROGRAM = `
import { Api } from './hushtone.js';

const [, , baseUrl = '', token = '', agentId = ''] = process.argv;
const hushtone = new Api({ baseUrl, baseApiParams: { format: 'json', headers: { authorization: \`Bearer \${token}\` } } });

const key = 'generated-client.1';
const order = { agent_id: agentId, purpose: 'charge', amount: { value: 4200, currency: 'EUR' } } as const;
const created = await hushtone.v1.createCapture(order, { headers: { 'idempotency-key': key } });
const { id } = created.data;
const read = await hushtone.v1.getCapture(id);
const page = await hushtone.v1.listCaptures({ agent_id: agentId, limit: 1 });
const cancelled = await hushtone.v1.cancelCapture(id);
const again = await hushtone.v1.cancelCapture(id).catch((refusal) => refusal.error);

const first: string | undefined = page.data.captures[0]?.id;
console.log(
  JSON.stringify({
    id,
    currency: read.data.amount?.currency,
    fields: read.data.fields.map(({ field }) => field),
    first,
    status: cancelled.data.status,
    refusal: again.code,
  }),
);
`;

const COMPILER_OPTIONS = {
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  noEmitOnError: true,
  outDir: 'out',
};

let folder = '';
let http: TestHttp;
let address = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hushtone-client-'));
  http = await createTestHttp();
  await http.server.listen({ host: '127.0.0.1', port: 0 });
  address = `http://127.0.0.1:${(http.server.server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await http.close();
  rmSync(folder, { recursive: true });
});

/** Runs a program in the folder. Rejects with what it said. */
async function node(program: string, ...parameters: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [program, ...parameters], { cwd: folder }).catch(
    (error: unknown) => {
      const { stdout: said, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${program}: ${said}${stderr}`, { cause: error });
    },
  );
  return stdout;
}

async function generate(): Promise<void> {
  const contract = await fetch(`${address}/openapi.json`);
  expect(contract.headers.get('content-type')).toMatch(/^application\/json/);
  writeFileSync(join(folder, 'openapi.json'), await contract.text());
  const generator = join(ROOT, 'node_modules/swagger-typescript-api/dist/cli.mjs');
  const options = ['--path', 'openapi.json', '--output', '.', '--name', 'hushtone.ts'];
  await node(generator, 'generate', ...options, '--generate-union-enums');
  // The generator tells the compiler to look away; this one shall look.
  const generated = join(folder, 'hushtone.ts');
  const code = readFileSync(generated, 'utf8');
  expect(code).toContain('// @ts-nocheck');
  writeFileSync(generated, code.replace('// @ts-nocheck', ''));
}

async function compile(program: string): Promise<void> {
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: ['program.ts'] }),
  );
  writeFileSync(join(folder, 'program.ts'), program);
  await node(join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.');
}

describe('a client that a public generator makes of /openapi.json', () => {
  test(
    'compiles and drives a capture',
    async () => {
      await generate();
      await compile(PROGRAM);
      await http.call({ agentId: 'agent-1' });
      const told = JSON.parse(
        await node(join(folder, 'out/program.js'), address, await http.token(), 'agent-1'),
      ) as Record<string, unknown>;
      expect(told).toEqual({
        id: expect.stringMatching(/^cap_[0-9a-z]{26}$/) as string,
        currency: 'EUR',
        fields: ['card_number', 'expiry', 'security_code'],
        first: told['id'],
        status: 'cancelled',
        refusal: 'capture_ended',
      });
      const stored = await http.server.inject({
        url: `/v1/captures/${String(told['id'])}`,
        headers: { authorization: `Bearer ${await http.token()}` },
      });
      expect(stored.json()).toMatchObject({ status: 'cancelled' });
    },
    GENERATED_WITHIN_MS,
  );
});
