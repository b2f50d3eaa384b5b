import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROUTES = JSON.stringify({
  '+15083084809': {
    account: 'acc_demo',
    agent: 'agent-1',
    target: { type: 'phone', number: '2000', trunk: 'agents' },
  },
});

/** A directory with signing keys that an operator could have made, and the least that a server needs. */
export interface Fixture {
  readonly directory: string;
  readonly env: Record<string, string | undefined>;
  remove(): Promise<void>;
}

export async function makeFixture(): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'hushtone-config-'));
  const keyFile = join(directory, 'token.pem');
  const auditKeyFile = join(directory, 'audit.pem');
  for (const file of [keyFile, auditKeyFile]) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  }
  return {
    directory,
    env: {
      JAMBONZ_USERNAME: 'jambonz',
      JAMBONZ_PASSWORD: 'correct horse battery'.replaceAll(' ', '-'),
      RTPENGINE_URL: 'udp://127.0.0.1:22222',
      FREESWITCH_MEDIA_ADDRESSES: '127.0.0.1',
      ROUTES,
      TOKEN_SIGNING_KEY_FILE: keyFile,
      AUDIT_SIGNING_KEY_FILE: auditKeyFile,
      WEBHOOKS_KEY: randomBytes(32).toString('hex'),
      NUMBERS_KEY: randomBytes(32).toString('base64'),
      KEY_PROVIDER: 'env',
      VAULT_KEYS: `card_data:key_${'a'.repeat(26)}:${randomBytes(32).toString('hex')}`,
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
