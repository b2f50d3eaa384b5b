import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSecretSeal, type SecretSeal } from '../../../src/events/webhooks/secret-seal.ts';
import { deliver } from '../../../src/workflows/webhooks/deliver.ts';
import { Webhooks } from '../../../src/workflows/webhooks/desk.ts';
import { execute } from '../../support/database.ts';
import { ACCOUNT, ACTOR, captureEvent, LOOPBACK, makeBench, type Bench } from './bench.ts';

const isWiped = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

let bench: Bench;

beforeEach(async () => {
  bench = await makeBench();
});

afterEach(() => bench.close());

const pending = async (): Promise<string> =>
  (
    await execute<{ id: string }>(bench.db.url, "select id from webhook_deliveries where state = 'pending'")
  )[0]?.id ?? '';

describe('a signing key', () => {
  test('that was moved to another endpoint in the database signs nothing there', async () => {
    const one = await bench.desk.create(ACTOR, { url: 'https://one.example.com/' });
    const two = await bench.desk.create(ACTOR, { url: 'https://two.example.com/', enabled: false });
    // As whoever can write the table and wants messages signed with a key that he knows.
    await execute(
      bench.db.url,
      `update webhook_secrets set sealed = (select sealed from webhook_secrets where endpoint_id = $2)
       where endpoint_id = $1`,
      [one.id, two.id],
    );
    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    let sent = 0;
    const send = async () => {
      sent += 1;
      return { durationMs: 1, status: 200 };
    };
    await expect(deliver({ ...bench.deliver, send }, ACCOUNT, await pending())).rejects.toMatchObject({
      code: 'webhook_secret_damaged',
    });
    expect(sent).toBe(0);
  });

  test('is nowhere in memory any more once it was shown, and none is once it has signed', async () => {
    const real = createSecretSeal([randomBytes(32)]);
    const seen: { sealed: Buffer[]; opened: Buffer[] } = { sealed: [], opened: [] };
    const seal: SecretSeal = {
      seal(secret, context) {
        seen.sealed.push(secret);
        return real.seal(secret, context);
      },
      open(sealed, context) {
        const secret = real.open(sealed, context);
        seen.opened.push(secret);
        return secret;
      },
    };
    const { database } = bench.db;
    const desk = new Webhooks({ database, seal, policy: LOOPBACK, clock: bench.clock });
    const { secret } = await desk.create(ACTOR, { url: 'https://one.example.com/', ed25519: true });
    expect(seen.sealed).toHaveLength(2);
    expect(seen.sealed.map(isWiped)).toEqual([true, true]);

    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    const wiped: boolean[] = [];
    const send: Bench['deliver']['send'] = async (_url, headers, body) => {
      wiped.push(...seen.opened.map(isWiped));
      // What was wiped was the key that had signed, and it had signed before.
      expect(() => new Webhook(secret).verify(body, { ...headers })).not.toThrow();
      return { durationMs: 1, status: 200 };
    };
    await deliver({ ...bench.deliver, seal, send }, ACCOUNT, await pending());
    expect(wiped).toEqual([true, true]);
  });
});

test('of a URL the trail has the origin, and no number that a name in it may hold', async () => {
  const { id } = await bench.desk.create(ACTOR, {
    url: 'https://shop-4242424242.example.com:8443/in?password=open-sesame',
  });
  await bench.desk.update(ACTOR, id, { description: 'orders' });
  const rows = await execute<{ record: string }>(bench.db.url, 'select record from audit_records');
  const text = rows.map(({ record }) => record).join('\n');
  expect(text).toContain('https://shop-•••.example.com:8443');
  expect(text).not.toMatch(/4242|password|sesame|\/in/);
});
