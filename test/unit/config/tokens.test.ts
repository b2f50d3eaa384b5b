import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../../src/pki/development.ts';
import { makeFixture, type Fixture } from './settings-env.ts';

type Env = Record<string, string | undefined>;

let fixture: Fixture;
let pki: DevelopmentPki;
let files: { readonly secret: string; readonly open: string; readonly rsa: string; readonly jwks: string };
const pair = generateKeyPairSync('ed25519');

const pem = (key: typeof pair.publicKey): string =>
  key.export({ type: key.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' }).toString();

beforeAll(async () => {
  fixture = await makeFixture();
  pki = await createDevelopmentPki(join(fixture.directory, 'pki'));
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(fixture.directory, name);
    await writeFile(path, text);
    return path;
  };
  files = {
    secret: await file('secret.pem', pem(pair.privateKey)),
    open: await file('open.pem', pem(pair.publicKey)),
    rsa: await file('rsa.pem', pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)),
    jwks: await file('jwks.json', JSON.stringify({ keys: [pair.publicKey.export({ format: 'jwk' })] })),
  };
});

afterAll(() => fixture.remove());

const load = (changes: Env = {}) => loadConfig({ ...fixture.env, ...changes });

function faultyVariables(changes: Env): string[] {
  try {
    load(changes);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ variable }) => variable);
    throw error;
  }
  return [];
}

describe('keys that verify', () => {
  it('are none unless they are named', () => expect(load().tokens.previousKeys).toEqual([]));

  it('come from several files, as public keys whatever the files hold', () => {
    const { tokens, files: read } = load({ TOKEN_PREVIOUS_KEY_FILES: `${files.secret}, ${files.open}` });
    expect(tokens.previousKeys.map((text) => createPublicKey(text).equals(pair.publicKey))).toEqual([
      true,
      true,
    ]);
    expect(tokens.previousKeys.join('')).not.toContain('PRIVATE');
    expect(read.map(({ path }) => path)).toEqual(expect.arrayContaining([files.secret, files.open]));
  });

  it.each(['rsa', 'jwks'] as const)('are not of another kind: %s', (name) => {
    expect(faultyVariables({ TOKEN_PREVIOUS_KEY_FILES: `${files.open},${files[name]}` })).toEqual([
      'TOKEN_PREVIOUS_KEY_FILES',
    ]);
  });

  it('are not in files that are not there', () => {
    expect(faultyVariables({ TOKEN_PREVIOUS_KEY_FILES: '/nowhere/key.pem' })).toEqual([
      'TOKEN_PREVIOUS_KEY_FILES',
    ]);
  });
});

describe('another issuer', () => {
  const EXTERNAL = {
    EXTERNAL_ISSUER: 'https://login.test/',
    EXTERNAL_AUDIENCE: 'https://gateway.test',
    EXTERNAL_JWKS_URL: 'https://login.test/keys',
  };

  it('is none unless it is named', () => expect(load().tokens.external).toBeUndefined());

  it('is told by its name, its audience and where its keys are', () => {
    expect(load(EXTERNAL).tokens.external).toEqual({
      issuer: 'https://login.test/',
      audience: 'https://gateway.test',
      keys: { url: 'https://login.test/keys' },
      algorithm: 'RS256',
      tokenType: 'at+jwt',
      accountClaim: 'account_id',
      rolesClaim: 'roles',
    });
  });

  it('may have its own authority, or its keys in a file', () => {
    const { external } = load({ ...EXTERNAL, EXTERNAL_JWKS_CA_FILE: pki.ca.certificate }).tokens;
    expect(external?.keys).toMatchObject({ ca: expect.stringContaining('BEGIN CERTIFICATE') as string });
    const changes = { ...EXTERNAL, EXTERNAL_JWKS_URL: undefined, EXTERNAL_JWKS_FILE: files.jwks };
    expect(load(changes).tokens.external?.keys).toHaveProperty('jwks');
  });

  it.each<[Env, string]>([
    [{ EXTERNAL_AUDIENCE: undefined }, 'EXTERNAL_AUDIENCE'],
    [{ EXTERNAL_JWKS_URL: undefined }, 'EXTERNAL_JWKS_URL'],
    [{ EXTERNAL_JWKS_URL: 'http://login.test/keys' }, 'EXTERNAL_JWKS_URL'],
    [{ EXTERNAL_ISSUER: 'hushtone' }, 'EXTERNAL_ISSUER'],
    [{ EXTERNAL_ALGORITHM: 'HS256' }, 'EXTERNAL_ALGORITHM'],
    [{ EXTERNAL_ALGORITHM: 'none' }, 'EXTERNAL_ALGORITHM'],
    [{ EXTERNAL_TOKEN_TYPE: 'id' }, 'EXTERNAL_TOKEN_TYPE'],
    [{ EXTERNAL_ACCOUNT_CLAIM: 'a b' }, 'EXTERNAL_ACCOUNT_CLAIM'],
  ])('is refused with %j', (changes, variable) => {
    expect(faultyVariables({ ...EXTERNAL, ...changes })).toEqual([variable]);
  });

  it('has its keys at one place only, and there must be some', () => {
    expect(faultyVariables({ ...EXTERNAL, EXTERNAL_JWKS_FILE: files.jwks })).toEqual(['EXTERNAL_JWKS_URL']);
    const changes = { ...EXTERNAL, EXTERNAL_JWKS_URL: undefined, EXTERNAL_JWKS_FILE: files.open };
    expect(faultyVariables(changes)).toEqual(['EXTERNAL_JWKS_FILE']);
  });
});

describe('certificates of clients', () => {
  it('are asked for on request, and over TLS only', () => {
    expect(load().http.askForCertificates).toBe(false);
    expect(faultyVariables({ CLIENT_CERTIFICATES: 'optional' })).toEqual(['CLIENT_CERTIFICATES']);
    const tls = { TLS_CERT_FILE: pki.server.certificate, TLS_KEY_FILE: pki.server.key };
    expect(load({ ...tls, CLIENT_CERTIFICATES: 'optional' }).http.askForCertificates).toBe(true);
  });
});
