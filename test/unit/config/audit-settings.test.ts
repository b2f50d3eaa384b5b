import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadAuditSettings, loadConfig } from '../../../src/config/load-config.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../../src/pki/development.ts';
import { makeFixture, type Fixture } from './settings-env.ts';

let fixture: Fixture;
let pki: DevelopmentPki;

beforeAll(async () => {
  fixture = await makeFixture();
  pki = await createDevelopmentPki(`${fixture.directory}/pki`);
}, 60_000);
afterAll(() => fixture.remove());

function variablesOf(env: Record<string, string | undefined>): string[] {
  try {
    loadAuditSettings(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable }) => variable);
  }
}

describe('the settings of the audit trail', () => {
  test('may be left out in development: then nothing is signed', () => {
    const { audit } = loadConfig({ ...fixture.env, AUDIT_SIGNING_KEY_FILE: undefined });
    expect(audit).toEqual({ checkpointSeconds: 300 });
  });

  test('are an Ed25519 key, and an RSA certificate with its key', () => {
    const audit = loadAuditSettings({
      AUDIT_SIGNING_KEY_FILE: pki.auditSigningKey,
      AUDIT_CHECKPOINT_SECONDS: '60',
      AUDIT_EXPORT_CERT_FILE: pki.audit.certificate,
      AUDIT_EXPORT_KEY_FILE: pki.audit.key,
    });
    expect(audit.checkpointSeconds).toBe(60);
    expect(audit.signingKey?.reveal()).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(audit.exportIdentity?.certificate).toContain('BEGIN CERTIFICATE');
  });

  test('are needed in production', () => {
    const production = { ...fixture.env, NODE_ENV: 'production', DATABASE_URL: 'postgres://db.example/x' };
    expect(() => loadConfig({ ...production, AUDIT_SIGNING_KEY_FILE: undefined })).toThrow(
      /AUDIT_SIGNING_KEY_FILE/,
    );
  });

  test('the key that signs access tokens signs no checkpoints, under whatever name', async () => {
    const { TOKEN_SIGNING_KEY_FILE = '' } = fixture.env;
    const copy = join(fixture.directory, 'copy.pem');
    await writeFile(copy, `# a copy\n${await readFile(TOKEN_SIGNING_KEY_FILE, 'utf8')}`);
    for (const file of [TOKEN_SIGNING_KEY_FILE, copy]) {
      expect(() => loadConfig({ ...fixture.env, AUDIT_SIGNING_KEY_FILE: file })).toThrow(
        /AUDIT_SIGNING_KEY_FILE.*TOKEN_SIGNING_KEY_FILE/,
      );
    }
  });

  test('mistakes are named', () => {
    expect(variablesOf({ AUDIT_CHECKPOINT_SECONDS: '0' })).toEqual(['AUDIT_CHECKPOINT_SECONDS']);
    expect(variablesOf({ AUDIT_SIGNING_KEY_FILE: pki.audit.key })).toEqual(['AUDIT_SIGNING_KEY_FILE']);
    expect(variablesOf({ AUDIT_EXPORT_CERT_FILE: pki.audit.certificate })).toEqual(['AUDIT_EXPORT_KEY_FILE']);
    expect(variablesOf({ AUDIT_EXPORT_KEY_FILE: pki.audit.key })).toEqual(['AUDIT_EXPORT_CERT_FILE']);
    expect(
      variablesOf({ AUDIT_EXPORT_CERT_FILE: pki.audit.certificate, AUDIT_EXPORT_KEY_FILE: pki.client.key }),
    ).toEqual(['AUDIT_EXPORT_KEY_FILE']);
  });
});
