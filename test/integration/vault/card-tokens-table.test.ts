import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { newId } from '../../../src/kernel/ids.ts';
import type { CardVault, NewCardToken } from '../../../src/workflows/tokens/contract.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { insertAccount } from '../../support/rows.ts';
import { secretDigits, storeCard, testVault } from '../../support/vault-cards.ts';

const NUMBER = '4242424242424242';
const OTHER_NUMBER = '5555555555554444';
/** Both end with 4242 and begin with 1; the check digit of ISO/IEC 7812-1 fits the first. */
const PASSES_LUHN = '1000000000084242';
const FAILS_LUHN = '1000000000004242';

let db: TestDatabase;
let keys: TestKeyRing;
let vault: CardVault;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 4 });
  for (const account of ['acc_a', 'acc_b']) {
    await db.database.transaction(account, async (tx) => await insertAccount(tx, account));
  }
  keys = await createTestKeyRing(db);
  vault = testVault(db, keys.keyRing, { lookAlike: true });
});

afterAll(async () => {
  await keys.close();
  await db.close();
});

const store = async (number = NUMBER, accountId = 'acc_a'): Promise<string> =>
  (await storeCard(db, vault, accountId, number, { customerReference: 'customer-7' })).id;

/** As a superuser: what the database itself lets nobody do. */
async function change(tokenId: string, assignment: string, values: unknown[] = []): Promise<void> {
  await execute(db.url, `update card_tokens set ${assignment} where id = $1`, [tokenId, ...values]);
}

describe('no place for a security code or a PIN (PCI DSS 3.3.1)', () => {
  test('these are the columns: another one has to be argued for here', async () => {
    const rows = await execute<{ name: string; type: string }>(
      db.url,
      `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = 'card_tokens'::regclass and attnum > 0 and not attisdropped order by attnum`,
    );
    expect(Object.fromEntries(rows.map(({ name, type }) => [name, type]))).toEqual({
      id: 'text',
      account_id: 'text',
      mode: 'text',
      look_alike: 'character(16)',
      customer_reference: 'text',
      brand: 'text',
      last4: 'character(4)',
      bin: 'text',
      expiry_month: 'smallint',
      expiry_year: 'smallint',
      ciphertext: 'bytea',
      wrapped_key: 'bytea',
      key_id: 'text',
      version: 'integer',
      fingerprint: 'bytea',
      fingerprint_key_id: 'text',
      fingerprint_id: 'text',
      capture_id: 'text',
      created_at: 'timestamp with time zone',
      updated_at: 'timestamp with time zone',
      expires_at: 'timestamp with time zone',
      deleted_at: 'timestamp with time zone',
      deleted_reason: 'text',
    });
  });

  test.each(['123', '1234', '12345678'])('a sealed %s is no sealed card number', async (digits) => {
    const id = await store();
    using secret = secretDigits(digits);
    const context = { accountId: 'acc_a', recordId: id, field: 'card_number', version: 2 };
    const { ciphertext, wrappedKey } = await keys.keyRing.seal('card_data', context, secret);
    await expect(
      change(id, 'ciphertext = $2, wrapped_key = $3, version = 2', [ciphertext, wrappedKey]),
    ).rejects.toMatchObject({ constraint: 'card_tokens_ciphertext_check' });
  });

  test.each([
    ['brand', 'visa 123'],
    ['customer_reference', NUMBER],
    ['bin', NUMBER.slice(0, 7)],
    ['look_alike', NUMBER],
    ['fingerprint_id', NUMBER],
    ['id', NUMBER],
    ['deleted_reason', NUMBER],
  ])('%s takes no %s', async (column, text) => {
    const id = await store();
    await expect(change(id, `${column} = $2`, [text])).rejects.toMatchObject({ code: '23514' });
  });

  test('the type of a new token has none either', () => {
    expectTypeOf<keyof NewCardToken>().toEqualTypeOf<
      'accountId' | 'mode' | 'cardNumber' | 'expiry' | 'brand' | 'customerReference' | 'captureId' | 'actor'
    >();
  });
});

describe('a look-alike', () => {
  test.each([
    ['1000000000009999', 'another card’s last four'],
    ['2000000000004242', 'a first digit that cards have'],
    ['100000000004242', '15 digits'],
    [PASSES_LUHN, 'a number that passes Luhn'],
  ])('%s is none for a card that ends with 4242: %s', async (text) => {
    const like = async (lookAlike: string): Promise<unknown> =>
      await execute(
        db.url,
        `insert into card_tokens
         select (jsonb_populate_record(t, jsonb_build_object('id', $2::text, 'look_alike', $3::text))).*
         from card_tokens t where id = $1`,
        [await store(), newId('tok_card'), lookAlike],
      );
    await expect(like(text)).rejects.toMatchObject({
      code: '23514',
      constraint: expect.stringContaining('look_alike') as unknown,
    });
    await expect(like(FAILS_LUHN)).resolves.toEqual([]);
    await execute(db.url, 'delete from card_tokens where look_alike = $1', [FAILS_LUHN]);
  });

  test.each([
    ['4242424242424242', true],
    ['378282246310005', true],
    ['4242424242424241', false],
    ['79927398713', true],
    ['79927398710', false],
  ])('passes_luhn(%s) is %s', async (digits, expected) => {
    const [row] = await execute(db.url, 'select passes_luhn($1) as passes', [digits]);
    expect(row).toEqual({ passes: expected });
  });
});

describe('whoever writes to the table', () => {
  test.each([
    "account_id = 'acc_b'",
    "mode = 'live'",
    "brand = 'amex'",
    "last4 = '0000', look_alike = null",
    'look_alike = null',
    "bin = '555555'",
    "fingerprint_id = 'fp_' || repeat('a', 26)",
    "created_at = now() + interval '1 day'",
  ])('a token stays the token of its card: %s', async (assignment) => {
    const id = await store();
    await expect(change(id, assignment)).rejects.toMatchObject({ constraint: 'card_tokens_transition' });
  });

  test.each(['version = 2', 'version = 3', 'version = 0'])('the version counts sealings: %s', async (to) => {
    const id = await store();
    await expect(change(id, to)).rejects.toMatchObject({ code: '23514' });
  });

  test('what is sealed anew has a new version, and the old one does not come back', async () => {
    const id = await store();
    using secret = secretDigits(NUMBER);
    const seal = async (version: number) =>
      await keys.keyRing.seal(
        'card_data',
        { accountId: 'acc_a', recordId: id, field: 'card_number', version },
        secret,
      );
    const [old] = await execute<{ ciphertext: Buffer; wrapped_key: Buffer }>(
      db.url,
      'select ciphertext, wrapped_key from card_tokens where id = $1',
      [id],
    );
    const sealed = await seal(2);
    const write = 'ciphertext = $2, wrapped_key = $3';
    await expect(change(id, write, [sealed.ciphertext, sealed.wrappedKey])).rejects.toMatchObject({
      constraint: 'card_tokens_transition',
    });
    await change(id, `${write}, version = 2`, [sealed.ciphertext, sealed.wrappedKey]);
    (await vault.reveal('acc_a', id))[Symbol.dispose]();
    await expect(
      change(id, `${write}, version = 1`, [old?.ciphertext, old?.wrapped_key]),
    ).rejects.toMatchObject({ constraint: 'card_tokens_transition' });
    await change(id, `${write}, version = 3`, [old?.ciphertext, old?.wrapped_key]);
    await expect(vault.reveal('acc_a', id)).rejects.toMatchObject({ code: 'token_unreadable' });
  });

  test.each([
    'deleted_at = null, deleted_reason = null',
    "deleted_reason = 'expired'",
    "customer_reference = 'c-2'",
    'updated_at = now()',
    "wrapped_key = decode(repeat('00', 40), 'hex')",
  ])('a shredded card does not come back: %s', async (assignment) => {
    const id = await store();
    await vault.shred('acc_a', id, 'declined');
    await expect(change(id, assignment)).rejects.toMatchObject({ constraint: 'card_tokens_transition' });
  });

  test.each(['ciphertext', 'wrapped_key', 'key_id', 'fingerprint', 'fingerprint_key_id', 'fingerprint_id'])(
    'no card is half shredded: %s',
    async (column) => {
      const id = await store();
      await expect(change(id, `${column} = null`)).rejects.toMatchObject({ code: '23514' });
      await expect(
        change(
          id,
          `deleted_at = now(), deleted_reason = 'expired', ${[
            'ciphertext',
            'wrapped_key',
            'key_id',
            'fingerprint',
            'fingerprint_key_id',
            'fingerprint_id',
            'bin',
            'expiry_month',
            'expiry_year',
            'customer_reference',
          ]
            .filter((name) => name !== column)
            .map((name) => `${name} = null`)
            .join(', ')}`,
        ),
      ).rejects.toMatchObject({ constraint: 'card_tokens_shredded' });
    },
  );

  test('only a key that protects its purpose is taken', async () => {
    const id = await store();
    const [row] = await execute<{ key_id: string; fingerprint_key_id: string }>(
      db.url,
      'select key_id, fingerprint_key_id from card_tokens where id = $1',
      [id],
    );
    for (const [assignment, key] of [
      ['key_id = $2', row?.fingerprint_key_id],
      ['fingerprint_key_id = $2', row?.key_id],
      ['key_id = $2', newId('key')],
    ] as const) {
      await expect(change(id, assignment, [key])).rejects.toMatchObject({
        constraint: 'card_tokens_active_key',
      });
    }
  });

  test('a key that cards need is not retired, whoever asks', async () => {
    const other = await createTestDatabase({ poolSize: 4 });
    const otherKeys = await createTestKeyRing(other);
    try {
      await other.database.transaction('acc_a', async (tx) => await insertAccount(tx, 'acc_a'));
      await storeCard(other, testVault(other, otherKeys.keyRing), 'acc_a', NUMBER);
      // A registry that counts nothing.
      for (const purpose of ['card_data', 'fingerprints'] as const) {
        const registry = otherKeys.registry();
        const { previous } = await registry.rotate(purpose);
        await expect(registry.retire(previous.id)).rejects.toMatchObject({
          constraint: 'vault_keys_without_cards',
        });
      }
    } finally {
      await otherKeys.close();
      await other.close();
    }
  });

  test('a token is never deleted as a row by the server', async () => {
    const id = await store();
    for (const run of [
      db.database.transaction(
        'acc_a',
        async (tx) => await tx.query('delete from card_tokens where id = $1', [id]),
      ),
      db.database.systemTransaction(
        async (tx) => await tx.query('delete from card_tokens where id = $1', [id]),
      ),
    ]) {
      await expect(run).rejects.toMatchObject({ code: '42501' });
    }
  });
});

describe('a sealed number opens in its own place only', () => {
  /** Behind the back of the rules: what somebody with the database's files could do. */
  async function forge(sql: string, values: unknown[]): Promise<void> {
    await execute(db.url, 'alter table card_tokens disable trigger card_tokens_transition');
    try {
      await execute(db.url, sql, values);
    } finally {
      await execute(db.url, 'alter table card_tokens enable trigger card_tokens_transition');
    }
  }

  const unreadable = { code: 'token_unreadable', kind: 'internal' };

  test('not in the row of another card', async () => {
    const [mine, other] = [await store(), await store(OTHER_NUMBER)];
    await forge(
      `update card_tokens set ciphertext = source.ciphertext, wrapped_key = source.wrapped_key
       from (select ciphertext, wrapped_key from card_tokens where id = $2) as source where id = $1`,
      [mine, other],
    );
    await expect(vault.reveal('acc_a', mine)).rejects.toMatchObject(unreadable);
    using card = await vault.reveal('acc_a', other);
    expect(card.face.id).toBe(other);
  });

  test('not with the data key of another card', async () => {
    const [mine, other] = [await store(), await store(OTHER_NUMBER)];
    await forge(
      'update card_tokens set wrapped_key = (select wrapped_key from card_tokens where id = $2) where id = $1',
      [mine, other],
    );
    await expect(vault.reveal('acc_a', mine)).rejects.toMatchObject(unreadable);
  });

  test('not in another account', async () => {
    const id = await store();
    await forge(`update card_tokens set account_id = 'acc_b' where id = $1`, [id]);
    await expect(vault.reveal('acc_b', id)).rejects.toMatchObject(unreadable);
    await expect(vault.reveal('acc_a', id)).rejects.toMatchObject({ code: 'token_not_found' });
  });

  test('not as another version', async () => {
    const id = await store();
    await forge('update card_tokens set version = 2 where id = $1', [id]);
    await expect(vault.reveal('acc_a', id)).rejects.toMatchObject(unreadable);
  });

  test('not when one bit of it is another', async () => {
    const id = await store();
    await forge(
      'update card_tokens set ciphertext = set_byte(ciphertext, 13, get_byte(ciphertext, 13) # 1) where id = $1',
      [id],
    );
    await expect(vault.reveal('acc_a', id)).rejects.toMatchObject(unreadable);
    const [row] = await execute<{ failed: number }>(
      db.url,
      `select count(*)::int as failed from audit_records where record::jsonb ->> 'operation' = 'card_token.reveal'
         and record::jsonb ->> 'result' = 'failed' and record::jsonb -> 'object' ->> 'id' = $1`,
      [id],
    );
    expect(row).toEqual({ failed: 1 });
  });
});
