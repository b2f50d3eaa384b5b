import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brandOf } from '../../../src/cards/brands.ts';
import { openDatabase, type Database } from '../../../src/db/database.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { newId } from '../../../src/kernel/ids.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { KeyRing } from '../../../src/vault/contract.ts';
import { openDevelopmentKeys } from '../../../src/vault/keys/development/provider.ts';
import { createKeyRing } from '../../../src/vault/keys/key-ring.ts';
import { createKeyStore } from '../../../src/vault/keys/key-store.ts';
import { cardTokenRekeyables } from '../../../src/vault/tokens/rekey-store.ts';
import type { Actor } from '../../../src/workflows/contract.ts';
import { createCardVault } from '../../../src/workflows/tokens/card-vault.ts';
import type { CardVault } from '../../../src/workflows/tokens/contract.ts';
import { PreparedCard } from '../../../src/workflows/tokens/prepared-card.ts';
import { TEST_CARDS } from '../../support/card-numbers.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { insertAccount } from '../../support/rows.ts';
import { digitsOf, secretDigits, storeCard, testVault } from '../../support/vault-cards.ts';

const NUMBER = '4242424242424242';
const OTHER_NUMBER = '4012001037141112';
const DAY_SECONDS = 24 * 60 * 60;

const INTEGRATOR: Actor = {
  accountId: 'acc_a',
  subject: 'integrator-1',
  clientId: 'crm',
  roles: ['integrator'],
  scopes: new Set(['payments:write']),
  reach: ['account'],
};

let db: TestDatabase;
let keys: TestKeyRing;
let vault: CardVault;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
  for (const account of ['acc_a', 'acc_b']) {
    await db.database.transaction(account, async (tx) => await insertAccount(tx, account));
  }
  keys = await createTestKeyRing(db);
  vault = testVault(db, keys.keyRing);
});

afterAll(async () => {
  await keys.close();
  await db.close();
});

type Row = Readonly<Record<string, unknown>>;

async function rowOf(tokenId: string): Promise<Row> {
  const [row] = await execute<Row>(db.url, 'select * from card_tokens where id = $1', [tokenId]);
  if (row === undefined) throw new Error('there is no such row');
  return row;
}

interface Recorded {
  readonly operation: string;
  readonly result: string;
  readonly reason?: string;
  readonly actor: { readonly kind: string; readonly subject?: string };
  readonly before?: Row;
  readonly after?: Row;
}

async function recordsOf(tokenId: string): Promise<Recorded[]> {
  const rows = await execute<{ record: string }>(
    db.url,
    `select record::text as record from audit_records where record::jsonb -> 'object' ->> 'id' = $1 order by sequence`,
    [tokenId],
  );
  return rows.map(({ record }) => JSON.parse(record) as Recorded);
}

/** A ring that hears of nothing by itself: what a gateway has whose connection was lost for a moment. */
async function deafKeyRing(database = db.database): Promise<KeyRing> {
  return await createKeyRing({
    providers: [await openDevelopmentKeys(keys.folder)],
    store: createKeyStore({ database, clock: systemClock, logger: silentLogger }),
    logger: silentLogger,
  });
}

describe('a stored card', () => {
  test.each(TEST_CARDS.map(({ brand, number }) => [brand, number] as const))(
    '%s %s comes out as it went in',
    async (brand, number) => {
      const face = await storeCard(db, vault, 'acc_a', number, { expiry: '0931', customerReference: 'c-1' });
      expect(face).toEqual({
        id: expect.stringMatching(/^tok_card_[0-9a-z]{26}$/) as unknown,
        mode: 'test',
        brand,
        last4: number.slice(-4),
        expiryMonth: 9,
        expiryYear: 2031,
        customerReference: 'c-1',
      });
      using card = await vault.reveal('acc_a', face.id);
      expect(digitsOf(card.cardNumber)).toBe(number);
      expect(card.expiry && digitsOf(card.expiry)).toBe('0931');
      expect(card.face).toEqual(face);
      await expect(vault.face('acc_a', face.id)).resolves.toEqual(face);
    },
  );

  test('is wiped by `using`', async () => {
    const { id } = await storeCard(db, vault, 'acc_a', NUMBER);
    const card = await vault.reveal('acc_a', id);
    card[Symbol.dispose]();
    expect(card.cardNumber.wiped).toBe(true);
    expect(card.expiry?.wiped).toBe(true);
  });

  test('does without an expiry date', async () => {
    const { id, expiryMonth } = await storeCard(db, vault, 'acc_a', NUMBER, { expiry: '' });
    expect(expiryMonth).toBeUndefined();
    using card = await vault.reveal('acc_a', id);
    expect(card.expiry).toBeUndefined();
  });

  test('is in no column as it was keyed', async () => {
    const { id } = await storeCard(db, vault, 'acc_a', NUMBER);
    const [row] = await execute<{ text: string }>(
      db.url,
      `select card_tokens::text || encode(ciphertext, 'escape') || encode(wrapped_key, 'escape') as text
       from card_tokens where id = $1`,
      [id],
    );
    expect(row?.text).not.toContain(NUMBER);
    expect(row?.text).not.toContain(Buffer.from(NUMBER).toString('hex'));
  });

  test('is another account’s business to nobody', async () => {
    const { id } = await storeCard(db, vault, 'acc_a', NUMBER);
    for (const ask of [
      async () => await vault.face('acc_b', id),
      async () => await vault.reveal('acc_b', id),
      async () => await vault.shred('acc_b', id, 'declined'),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: 'token_not_found', kind: 'not_found' });
    }
    await expect(vault.face('acc_a', id)).resolves.toMatchObject({ id });
  });

  test('is not there when its transaction is undone', async () => {
    using cardNumber = secretDigits(NUMBER);
    const prepared = await vault.prepare({ accountId: 'acc_a', mode: 'test', cardNumber, brand: 'visa' });
    const undone = db.database.transaction('acc_a', async (tx) => {
      await prepared.write(tx);
      throw new Error('something else failed');
    });
    await expect(undone).rejects.toThrow('something else failed');
    await expect(vault.face('acc_a', prepared.face.id)).rejects.toMatchObject({ code: 'token_not_found' });
    expect(await recordsOf(prepared.face.id)).toEqual([]);
  });

  test('is written once, however often it is tried, and from wiped buffers too', async () => {
    const cardNumber = secretDigits(NUMBER);
    const prepared = await vault.prepare({ accountId: 'acc_a', mode: 'test', cardNumber, brand: 'visa' });
    cardNumber.wipe();
    for (let times = 0; times < 2; times += 1) {
      await db.database.transaction('acc_a', async (tx) => await prepared.write(tx));
    }
    expect((await recordsOf(prepared.face.id)).map(({ operation }) => operation)).toEqual([
      'card_token.store',
    ]);
    using card = await vault.reveal('acc_a', prepared.face.id);
    expect(digitsOf(card.cardNumber)).toBe(NUMBER);
  });

  test.each([
    ['4242424242424242', 'amex', 'brand_mismatch'],
    ['42424242424', 'visa', 'card_number_malformed'],
  ])('%s as %s is refused before anything is written: %s', async (number, brand, code) => {
    using cardNumber = secretDigits(number);
    const prepared = vault.prepare({ accountId: 'acc_a', mode: 'test', cardNumber, brand });
    await expect(prepared).rejects.toMatchObject({ code });
  });

  test('shows as much of the number as the installation wants', async () => {
    const eight = testVault(db, keys.keyRing, { binDigits: 8 });
    const bins: unknown[] = [];
    for (const [owner, number] of [
      [vault, NUMBER],
      [eight, NUMBER],
      [eight, '378282246310005'],
    ] as const) {
      bins.push((await rowOf((await storeCard(db, owner, 'acc_a', number)).id))['bin']);
    }
    expect(bins).toEqual(['424242', '42424242', '378282']);
  });
});

describe('the audit trail', () => {
  test('names who stored, used and deleted a card, and what for', async () => {
    const { id } = await storeCard(db, vault, 'acc_a', NUMBER, { actor: INTEGRATOR });
    const paymentId = newId('pay');
    (await vault.reveal('acc_a', id, { actor: INTEGRATOR, paymentId }))[Symbol.dispose]();
    (await vault.reveal('acc_a', id))[Symbol.dispose]();
    await vault.shred('acc_a', id, 'declined');
    await vault.shred('acc_a', id, 'declined');
    const records = await recordsOf(id);
    expect(records).toMatchObject([
      {
        operation: 'card_token.store',
        actor: { kind: 'client', subject: 'integrator-1' },
        after: { brand: 'visa', last4: '4242' },
      },
      {
        operation: 'card_token.reveal',
        actor: { kind: 'client' },
        after: { payment_id: paymentId },
        result: 'done',
      },
      { operation: 'card_token.reveal', actor: { kind: 'system' } },
      { operation: 'card_token.delete', actor: { kind: 'system' }, reason: 'declined' },
    ]);
    expect(records).toHaveLength(4);
    expect(JSON.stringify(records)).not.toContain('424242');
  });

  test('a card that cannot be put on record is not handed out', async () => {
    const { id } = await storeCard(db, vault, 'acc_a', NUMBER);
    let transactions = 0;
    const failing: Database = {
      ...db.database,
      transaction: async (accountId, work) => {
        transactions += 1;
        if (transactions > 1) throw new Error('the record is refused');
        return await db.database.transaction(accountId, work);
      },
    };
    await expect(testVault({ database: failing }, keys.keyRing).reveal('acc_a', id)).rejects.toThrow(
      'the record is refused',
    );
  });
});

describe('a fingerprint', () => {
  const fingerprintOf = async (tokenId: string): Promise<unknown> => (await rowOf(tokenId))['fingerprint_id'];

  test('is the same for a card within an account and a mode, and for nothing else', async () => {
    const [first, second, other, live, elsewhere] = await Promise.all([
      storeCard(db, vault, 'acc_a', '5555555555554444'),
      storeCard(db, vault, 'acc_a', '5555555555554444', { expiry: '0129' }),
      storeCard(db, vault, 'acc_a', '5200828282828210'),
      storeCard(db, vault, 'acc_a', '5555555555554444', { mode: 'live' }),
      storeCard(db, vault, 'acc_b', '5555555555554444'),
    ]).then((faces) => faces.map(({ id }) => id));
    const fingerprints = await Promise.all(
      [first, second, other, live, elsewhere].map(async (id) => await fingerprintOf(id ?? '')),
    );
    expect(fingerprints[0]).toMatch(/^fp_[0-9a-z]{26}$/);
    expect(fingerprints[1]).toBe(fingerprints[0]);
    expect(new Set(fingerprints).size).toBe(4);
  });

  test('is the same for cards that come at the same moment', async () => {
    const faces = await Promise.all(
      Array.from({ length: 8 }, async () => await storeCard(db, vault, 'acc_b', '378282246310005')),
    );
    const fingerprints = await Promise.all(faces.map(async ({ id }) => await fingerprintOf(id)));
    expect(new Set(fingerprints).size).toBe(1);
  });

  test('is kept as a MAC under its own key, over account, mode and the whole number', async () => {
    const { id } = await storeCard(db, vault, 'acc_a', OTHER_NUMBER);
    const row = await rowOf(id);
    using message = secretDigits(`hushtone card fingerprint v1\0acc_a\0test\0${OTHER_NUMBER}`);
    const { mac } = await keys.keyRing.mac('fingerprints', message);
    expect(row['fingerprint']).toEqual(mac);
    expect(row['fingerprint_key_id']).not.toBe(row['key_id']);
    // Not what somebody without the key could make.
    expect(row['fingerprint']).not.toEqual(createHmac('sha256', '').update(OTHER_NUMBER).digest());
  });

  test('stays when the keys change: for cards from before, during and after', async () => {
    const number = '3566002020360505';
    const before = await storeCard(db, vault, 'acc_a', number);
    const registry = keys.registry();
    await registry.rotate('fingerprints');
    const during = await storeCard(db, vault, 'acc_a', number);
    const [, fingerprints] = cardTokenRekeyables({
      database: db.database,
      keyRing: keys.keyRing,
      logger: silentLogger,
    });
    while ((await fingerprints.moveBatch(7)) > 0);
    const after = await storeCard(db, vault, 'acc_a', number);
    const rows = await Promise.all([before, during, after].map(async ({ id }) => await rowOf(id)));
    expect(new Set(rows.map((row) => row['fingerprint_id'])).size).toBe(1);
    expect(new Set(rows.map((row) => row['fingerprint_key_id'])).size).toBe(1);
    expect(new Set(rows.map((row) => String(row['fingerprint']))).size).toBe(1);
  });

  test('is forgotten with the last token for the card', async () => {
    const first = await storeCard(db, vault, 'acc_b', '6011111111111117');
    const fingerprint = await fingerprintOf(first.id);
    await vault.shred('acc_b', first.id, 'capture_ended');
    const second = await storeCard(db, vault, 'acc_b', '6011111111111117');
    expect(await fingerprintOf(first.id)).toBeNull();
    expect(await fingerprintOf(second.id)).not.toBe(fingerprint);
  });
});

describe('a look-alike', () => {
  test('is there when the installation wants it', async () => {
    const { id } = await storeCard(db, testVault(db, keys.keyRing, { lookAlike: true }), 'acc_a', NUMBER);
    expect((await rowOf(id))['look_alike']).toMatch(/^1[0-9]{11}4242$/);
    const plain = await storeCard(db, vault, 'acc_a', NUMBER);
    expect((await rowOf(plain.id))['look_alike']).toBeNull();
  });

  test('that is taken is drawn again', async () => {
    const taken = await storeCard(db, testVault(db, keys.keyRing, { lookAlike: true }), 'acc_a', NUMBER);
    const { look_alike: lookAlike } = (await rowOf(taken.id)) as { look_alike: string };
    using cardNumber = secretDigits(NUMBER);
    const id = newId('tok_card');
    const now = new Date();
    const prepared = await PreparedCard.of(
      keys.keyRing,
      {
        id,
        accountId: 'acc_a',
        mode: 'test',
        lookAlike,
        customerReference: null,
        brand: cardNumber.use(brandOf) ?? '',
        last4: '4242',
        bin: '424242',
        expiryMonth: null,
        expiryYear: null,
        fingerprintId: newId('fp'),
        captureId: null,
        createdAt: now,
        updatedAt: now,
        expiresAt: null,
        deletedAt: null,
        deletedReason: null,
      },
      cardNumber,
    );
    await db.database.transaction('acc_a', async (tx) => await prepared.write(tx));
    const drawn = (await rowOf(id))['look_alike'];
    expect(drawn).toMatch(/^1[0-9]{11}4242$/);
    expect(drawn).not.toBe(lookAlike);
  });
});

describe('when the time of a card is over', () => {
  test('it cannot be used any more, before it is shredded and after', async () => {
    const clock = new HandClock();
    const short = createCardVault({
      database: db.database,
      keyRing: keys.keyRing,
      policy: { binDigits: 6, lookAlike: false, retentionDays: 30 },
      clock,
    });
    const { id } = await storeCard(db, short, 'acc_a', NUMBER);
    clock.pass(30 * DAY_SECONDS - 1);
    (await short.reveal('acc_a', id))[Symbol.dispose]();
    clock.pass(1);
    await expect(short.face('acc_a', id)).rejects.toMatchObject({ code: 'token_expired', kind: 'conflict' });
    await expect(short.reveal('acc_a', id)).rejects.toMatchObject({ code: 'token_expired' });
  });

  test('a deleted one neither, not even by whoever had begun', async () => {
    const { id } = await storeCard(db, vault, 'acc_a', NUMBER);
    let deleted = false;
    const database: Database = {
      ...db.database,
      transaction: async (accountId, work) => {
        const result = await db.database.transaction(accountId, work);
        // After the first look, before the record is written.
        if (!deleted) {
          deleted = true;
          await vault.shred('acc_a', id, 'capture_ended');
        }
        return result;
      },
    };
    await expect(testVault({ database }, keys.keyRing).reveal('acc_a', id)).rejects.toMatchObject({
      code: 'token_deleted',
      kind: 'conflict',
    });
    await expect(vault.face('acc_a', id)).rejects.toMatchObject({ code: 'token_deleted' });
  });
});

describe('while keys change', () => {
  const rekeyables = (): ReturnType<typeof cardTokenRekeyables> =>
    cardTokenRekeyables({ database: db.database, keyRing: keys.keyRing, logger: silentLogger });

  test('a card that was sealed a moment before is stored under the new keys', async () => {
    const deaf = await deafKeyRing();
    try {
      const late = testVault(db, deaf);
      using cardNumber = secretDigits(NUMBER);
      const prepared = await late.prepare({ accountId: 'acc_a', mode: 'test', cardNumber, brand: 'visa' });
      const registry = keys.registry();
      const card = await registry.rotate('card_data');
      const fingerprints = await registry.rotate('fingerprints');
      await db.database.transaction('acc_a', async (tx) => await prepared.write(tx));
      expect(await rowOf(prepared.face.id)).toMatchObject({
        key_id: card.active.id,
        fingerprint_key_id: fingerprints.active.id,
      });
      using revealed = await late.reveal('acc_a', prepared.face.id);
      expect(digitsOf(revealed.cardNumber)).toBe(NUMBER);
    } finally {
      await deaf.close();
    }
    for (const each of rekeyables()) while ((await each.moveBatch(100)) > 0);
  });

  test('cards that are stored at once need no connection beside those of their transactions', async () => {
    const STORES = ['4242424242424242', '5555555555554444', '378282246310005'];
    const narrow = openDatabase({ url: db.url, poolSize: STORES.length });
    const deaf = await deafKeyRing(narrow);
    try {
      const late = testVault({ database: narrow }, deaf);
      const prepared = [];
      for (const number of STORES) {
        using cardNumber = secretDigits(number);
        const brand = cardNumber.use(brandOf) ?? '';
        prepared.push(await late.prepare({ accountId: 'acc_a', mode: 'test', cardNumber, brand }));
      }
      const { active } = await keys.registry(...rekeyables()).rotate('card_data');
      // Each holds its connection before any of them finds out that its key is an earlier one.
      let begun = 0;
      let open: () => void = () => undefined;
      const allBegun = new Promise<void>((resolve) => {
        open = resolve;
      });
      await Promise.all(
        prepared.map(async (card) => {
          await narrow.transaction('acc_a', async (tx) => {
            begun += 1;
            if (begun === STORES.length) open();
            await allBegun;
            await card.write(tx);
          });
        }),
      );
      for (const { face } of prepared) {
        expect(await rowOf(face.id)).toMatchObject({ key_id: active.id });
        (await late.reveal('acc_a', face.id))[Symbol.dispose]();
      }
    } finally {
      await deaf.close();
      await narrow.close();
    }
    for (const each of rekeyables()) while ((await each.moveBatch(100)) > 0);
  });

  test('a card whose key is retired before it is stored is refused, over the one connection that it has', async () => {
    const narrow = openDatabase({ url: db.url, poolSize: 1 });
    const deaf = await deafKeyRing(narrow);
    try {
      const late = testVault({ database: narrow }, deaf);
      using cardNumber = secretDigits(NUMBER);
      const prepared = await late.prepare({ accountId: 'acc_a', mode: 'test', cardNumber, brand: 'visa' });
      const registry = keys.registry(...rekeyables());
      const { previous } = await registry.rotate('card_data');
      await registry.moveRecords('card_data', 100, () => undefined);
      await registry.retire(previous.id);
      const stored = narrow.transaction('acc_a', async (tx) => await prepared.write(tx));
      await expect(stored).rejects.toMatchObject({ code: 'token_not_stored', kind: 'unavailable' });
      await expect(late.face('acc_a', prepared.face.id)).rejects.toMatchObject({ code: 'token_not_found' });
    } finally {
      await deaf.close();
      await narrow.close();
    }
  });

  test('a card opens though its key is destroyed between two looks at it', async () => {
    const { id } = await storeCard(db, vault, 'acc_a', NUMBER);
    const deaf = await deafKeyRing();
    let changed = false;
    const database: Database = {
      ...db.database,
      transaction: async (accountId, work) => {
        const result = await db.database.transaction(accountId, work);
        if (!changed) {
          changed = true;
          const registry = keys.registry(...rekeyables());
          const { previous } = await registry.rotate('card_data');
          await registry.moveRecords('card_data', 100, () => undefined);
          await registry.retire(previous.id);
          await registry.destroy(previous.id);
        }
        return result;
      },
    };
    try {
      using card = await testVault({ database }, deaf).reveal('acc_a', id);
      expect(digitsOf(card.cardNumber)).toBe(NUMBER);
    } finally {
      await deaf.close();
    }
  });
});
