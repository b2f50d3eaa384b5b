import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HushtoneError } from '../../../src/kernel/errors.ts';
import { KEY_PURPOSES, type KeyPurpose } from '../../../src/vault/contract.ts';
import { INSTALLATION_ACCOUNT } from '../../../src/vault/keys/key-record-store.ts';
import type { StoredKey } from '../../../src/vault/keys/key-store.ts';
import type { Rekeyable } from '../../../src/vault/rekeyable.ts';
import { auditSource } from '../../../src/audit/record-store.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';

let db: TestDatabase;
let keys: TestKeyRing;

beforeEach(async () => {
  db = await createTestDatabase();
  keys = await createTestKeyRing(db);
});

afterEach(async () => {
  await keys.close();
  await db.close();
});

/** Records that name keys, in a table that this test made: what a part of the vault brings. */
class Notes implements Rekeyable {
  readonly purpose = 'card_data' as const;
  readonly records = 'notes';
  /** Stops after so many batches, as a killed process does. */
  batches = Number.POSITIVE_INFINITY;

  static async create(): Promise<Notes> {
    await execute(
      db.url,
      `create table notes (id serial primary key, key_id text references vault_keys (id));
       create trigger notes_key before insert or update on notes
         for each row execute function check_vault_key('card_data', 'key_id');
       grant select, insert, update on notes to hushtone_system;
       grant usage on sequence notes_id_seq to hushtone_system`,
    );
    return new Notes();
  }

  async add(count: number, keyId: string): Promise<void> {
    await db.database.systemTransaction(
      async (tx) =>
        await tx.query('insert into notes (key_id) select $2::text from generate_series(1, $1::int)', [
          count,
          keyId,
        ]),
    );
  }

  async remaining(keyId: string): Promise<number> {
    const [row] = await execute<{ count: string }>(db.url, 'select count(*) from notes where key_id = $1', [
      keyId,
    ]);
    return Number(row?.count);
  }

  async moveBatch(limit: number): Promise<number> {
    if (this.batches === 0) throw new Error('killed');
    this.batches -= 1;
    const rows = await db.database.systemTransaction(
      async (tx) =>
        await tx.query(
          `update notes set key_id = (select id from vault_keys where purpose = 'card_data' and state = 'active')
           where id in (
             select n.id from notes n join vault_keys k on k.id = n.key_id where k.state = 'decrypt_only'
             limit $1 for update of n skip locked)
           returning id`,
          [limit],
        ),
    );
    return rows.length;
  }
}

const keyOf = async (purpose: KeyPurpose, state = 'active'): Promise<StoredKey> => {
  const found = (await keys.registry().list()).find((key) => key.purpose === purpose && key.state === state);
  if (found === undefined) throw new Error(`no ${state} key`);
  return found;
};

/** What the audit trail of the installation says, the oldest first: operation, result, reason. */
async function trail(): Promise<string[]> {
  const links = await auditSource(db.database, INSTALLATION_ACCOUNT).records(0, 1000, 1000);
  return links.map(({ record }) => {
    const { operation, result, reason } = JSON.parse(record) as Record<string, string | undefined>;
    return [operation, result, reason].filter((part) => part !== undefined).join(' ');
  });
}

describe('generate', () => {
  test('makes what is missing, once', async () => {
    expect(await keys.registry().generate()).toEqual([]);
    expect(await trail()).toEqual(KEY_PURPOSES.map(() => 'vault_key.create done'));
  });

  test('by several processes at once is one key a purpose', async () => {
    const other = await createTestDatabase();
    const ring = await createTestKeyRing(other);
    await execute(
      other.url,
      'alter table vault_keys disable trigger all; delete from vault_keys; alter table vault_keys enable trigger all',
    );
    const made = await Promise.all(Array.from({ length: 4 }, async () => await ring.registry().generate()));
    expect(
      made
        .flat()
        .map(({ purpose }) => purpose)
        .sort(),
    ).toEqual([...KEY_PURPOSES].sort());
    expect(await ring.registry().list()).toHaveLength(KEY_PURPOSES.length);
    await ring.close();
    await other.close();
  });

  test('takes a key that was made and never used before it makes another', async () => {
    const prepared = await keys.registry().prepare('card_data');
    expect((await keys.registry().list()).map(({ id }) => id)).not.toContain(prepared);
    const { active } = await keys.registry().rotate('card_data');
    expect(active.id).toBe(prepared);
  });
});

describe('rotate', () => {
  test('leaves one active key, and the one before only opens', async () => {
    const before = await keyOf('card_data');
    const { active, previous } = await keys.registry().rotate('card_data');
    expect(previous).toMatchObject({ id: before.id, state: 'decrypt_only' });
    expect(previous.decryptOnlyAt).toBeInstanceOf(Date);
    expect(active).toMatchObject({ state: 'active', purpose: 'card_data', provider: 'development' });
    expect(await keyOf('grants')).toBeDefined();
    expect((await trail()).at(-1)).toBe('vault_key.rotate done');
  });

  test('by two processes at once is two rotations or one, never two active keys', async () => {
    const results = await Promise.allSettled([
      keys.registry().rotate('card_data'),
      keys.registry().rotate('card_data'),
    ]);
    expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
    const active = (await keys.registry().list()).filter(
      ({ purpose, state }) => purpose === 'card_data' && state === 'active',
    );
    expect(active).toHaveLength(1);
  });

  test('without an active key is refused, and the refusal is recorded', async () => {
    await execute(db.url, `update vault_keys set state = 'decrypt_only' where purpose = 'grants'`);
    await expect(keys.registry().rotate('grants')).rejects.toMatchObject({ code: 'no_active_key' });
    expect((await trail()).at(-1)).toBe('vault_key.rotate refused no_active_key');
  });

  test('moves every record in batches, tells how far it is, and goes on after it was killed', async () => {
    const notes = await Notes.create();
    const before = await keyOf('card_data');
    await notes.add(25, before.id);
    const registry = keys.registry(notes);
    const { active } = await registry.rotate('card_data');

    notes.batches = 1;
    await expect(registry.moveRecords('card_data', 10, () => undefined)).rejects.toThrow('killed');
    expect([await notes.remaining(before.id), await notes.remaining(active.id)]).toEqual([15, 10]);

    await expect(registry.rotate('card_data')).rejects.toMatchObject({
      code: 'rotation_unfinished',
      message: `15 notes are still under ${before.id}: finish that rotation with --resume first`,
    });

    notes.batches = Number.POSITIVE_INFINITY;
    const progress: string[] = [];
    const moved = await registry.moveRecords('card_data', 10, ({ records, moved: count }) =>
      progress.push(`${count} ${records}`),
    );
    expect(moved).toBe(15);
    expect(progress).toEqual(['10 notes', '15 notes']);
    expect([await notes.remaining(before.id), await notes.remaining(active.id)]).toEqual([0, 25]);
    expect(await registry.moveRecords('card_data', 10, () => undefined)).toBe(0);
    expect((await trail()).slice(-3)).toEqual([
      'vault_key.rotate done',
      'vault_key.rotate refused rotation_unfinished',
      'vault_key.rewrap done',
    ]);
  });
});

describe('retire', () => {
  test('is refused while anything is stored under the key, with the count', async () => {
    const notes = await Notes.create();
    const { previous } = await keys.registry(notes).rotate('card_data');
    await notes.add(3, previous.id);
    await expect(keys.registry(notes).retire(previous.id)).rejects.toMatchObject({
      code: 'key_in_use',
      kind: 'conflict',
      message: `3 notes are still under ${previous.id}: hushtone keys rotate card_data --resume`,
    });
    expect((await trail()).at(-1)).toBe('vault_key.retire refused key_in_use');
    await keys.registry(notes).moveRecords('card_data', 10, () => undefined);
    expect(await keys.registry(notes).retire(previous.id)).toMatchObject({ state: 'retired' });
    expect((await trail()).at(-1)).toBe('vault_key.retire done');
  });

  test('twice is once', async () => {
    const { previous } = await keys.registry().rotate('card_data');
    const first = await keys.registry().retire(previous.id);
    expect(await keys.registry().retire(previous.id)).toEqual(first);
    expect((await trail()).filter((line) => line.startsWith('vault_key.retire'))).toHaveLength(1);
  });

  test('of the active key, of none and of a destroyed one is refused', async () => {
    const active = await keyOf('card_data');
    await expect(keys.registry().retire(active.id)).rejects.toMatchObject({
      code: 'key_state',
      message: `${active.id} is active: hushtone keys rotate card_data first`,
    });
    await expect(keys.registry().retire('key_none')).rejects.toMatchObject({
      code: 'key_unknown',
      kind: 'not_found',
    });
    const { previous } = await keys.registry().rotate('card_data');
    await keys.registry().retire(previous.id);
    await keys.registry().destroy(previous.id);
    await expect(keys.registry().retire(previous.id)).rejects.toMatchObject({ code: 'key_state' });
  });

  test('and a record that is just being stored under the key come one after the other', async () => {
    const notes = await Notes.create();
    const { previous } = await keys.registry(notes).rotate('card_data');
    // The record is written first, and not committed yet: the retirement waits for it, and then counts it.
    let retiring: Promise<unknown> | undefined;
    await db.database.systemTransaction(async (tx) => {
      await tx.query('insert into notes (key_id) values ($1)', [previous.id]);
      retiring = keys
        .registry(notes)
        .retire(previous.id)
        .catch((error: unknown) => (error as HushtoneError).code);
      await untilSomebodyWaits();
    });
    expect(await retiring).toBe('key_in_use');
    await keys.registry(notes).moveRecords('card_data', 10, () => undefined);

    // The retirement comes first: the record waits for it, and is refused.
    let storing: Promise<unknown> | undefined;
    await db.database.systemTransaction(async (tx) => {
      await tx.query('select 1 from vault_keys where id = $1 for update', [previous.id]);
      storing = notes
        .add(1, previous.id)
        .catch((error: unknown) => (error as { constraint?: string }).constraint);
      await untilSomebodyWaits();
      await tx.query(`update vault_keys set state = 'retired' where id = $1`, [previous.id]);
    });
    expect(await storing).toBe('vault_key_usable');
    expect(await notes.remaining(previous.id)).toBe(0);
  });
});

async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const [row] = await execute<{ count: string }>(
      db.url,
      `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (Number(row?.count) > 0) return;
  }
}

describe('destroy', () => {
  test('comes only after retire, and the bytes are gone', async () => {
    const active = await keyOf('card_data');
    await expect(keys.registry().destroy(active.id)).rejects.toMatchObject({ code: 'key_state' });
    const { previous } = await keys.registry().rotate('card_data');
    await expect(keys.registry().destroy(previous.id)).rejects.toMatchObject({
      code: 'key_state',
      message: `${previous.id} is decrypt_only: retire it first`,
    });
    await keys.registry().retire(previous.id);
    const destroyed = await keys.registry().destroy(previous.id);
    expect(destroyed).toMatchObject({ state: 'destroyed' });
    expect(destroyed.destroyedAt).toBeInstanceOf(Date);
    expect(await keys.provider.has(previous.id)).toBe(false);
    await expect(keys.registry().reinstate(previous.id)).rejects.toMatchObject({ code: 'key_state' });
    expect((await trail()).slice(-2)).toEqual([
      'vault_key.destroy done',
      'vault_key.reinstate refused key_state',
    ]);
  });

  test('is refused while anything is stored under it, however that came', async () => {
    const notes = await Notes.create();
    const { previous } = await keys.registry(notes).rotate('card_data');
    await keys.registry(notes).retire(previous.id);
    await execute(db.url, 'alter table notes disable trigger notes_key');
    await notes.add(1, previous.id);
    await expect(keys.registry(notes).destroy(previous.id)).rejects.toMatchObject({ code: 'key_in_use' });
    expect(await keys.provider.has(previous.id)).toBe(true);
  });

  test('that was killed after the bytes were gone is finished by another', async () => {
    const { previous } = await keys.registry().rotate('card_data');
    await keys.registry().retire(previous.id);
    await keys.provider.destroy(previous.id);
    expect(await keys.registry().destroy(previous.id)).toMatchObject({ state: 'destroyed' });
    expect(await keys.registry().destroy(previous.id)).toMatchObject({ state: 'destroyed' });
  });
});

describe('the table', () => {
  const id = `key_${'z'.repeat(26)}`;
  const insert = (state: string): string =>
    `insert into vault_keys (id, purpose, state, provider, check_value)
     values ('${id}', 'grants', '${state}', 'file', '\\x0011223344556677')`;

  test.each(['decrypt_only', 'retired', 'destroyed'])(
    'does not take a key that starts as %s',
    async (state) => {
      await execute(db.url, `update vault_keys set state = 'decrypt_only' where purpose = 'grants'`);
      await expect(execute(db.url, insert(state))).rejects.toMatchObject({ code: '23514' });
    },
  );

  test('takes one active key a purpose', async () => {
    await expect(execute(db.url, insert('active'))).rejects.toMatchObject({
      constraint: 'vault_keys_active',
    });
  });

  test('lets a key go its way only', async () => {
    const ways: Record<string, string[]> = {
      active: ['decrypt_only'],
      decrypt_only: ['retired'],
      retired: ['decrypt_only', 'destroyed'],
      destroyed: [],
    };
    const path: Record<string, string[]> = {
      active: [],
      decrypt_only: ['decrypt_only'],
      retired: ['decrypt_only', 'retired'],
      destroyed: ['decrypt_only', 'retired', 'destroyed'],
    };
    for (const [from, steps] of Object.entries(path)) {
      for (const to of Object.keys(ways).filter((state) => state !== from)) {
        await execute(
          db.url,
          `alter table vault_keys disable trigger all; delete from vault_keys where purpose = 'grants'; alter table vault_keys enable trigger all`,
        );
        await execute(db.url, insert('active'));
        for (const step of steps)
          await execute(db.url, `update vault_keys set state = '${step}' where id = '${id}'`);
        const change = execute(db.url, `update vault_keys set state = '${to}' where id = '${id}'`);
        const outcome = await change.then(
          () => 'allowed',
          (error: unknown) => (error as { constraint?: string }).constraint,
        );
        const expected = ways[from]?.includes(to) === true ? 'allowed' : 'vault_keys_transition';
        expect(outcome, `${from} to ${to}`).toBe(expected);
      }
    }
  });

  test.each([
    `purpose = 'grants'`,
    `provider = 'env'`,
    `check_value = '\\x7766554433221100'`,
    `id = '${id}'`,
    `created_at = now()`,
  ])('of a key nothing but the state changes: %s', async (change) => {
    const { id: key } = await keyOf('card_data');
    await expect(
      execute(db.url, `update vault_keys set ${change} where id = '${key}'`),
    ).rejects.toMatchObject({ code: '23514' });
  });

  test('is only read by the server, and nobody deletes', async () => {
    const denied = { code: '42501' };
    const server = async (sql: string) =>
      await db.database.transaction('acc_a', async (tx) => await tx.query(sql));
    const system = async (sql: string) =>
      await db.database.systemTransaction(async (tx) => await tx.query(sql));
    expect(await server('select id from vault_keys')).toHaveLength(KEY_PURPOSES.length);
    await expect(server(insert('active'))).rejects.toMatchObject(denied);
    await expect(server(`update vault_keys set state = 'decrypt_only'`)).rejects.toMatchObject(denied);
    await expect(server('delete from vault_keys')).rejects.toMatchObject(denied);
    await expect(system('delete from vault_keys')).rejects.toMatchObject(denied);
  });

  test('refuses a record under a key of another purpose, of none, or of one that serves nothing', async () => {
    const notes = await Notes.create();
    const refused = { constraint: 'vault_key_usable' };
    await expect(notes.add(1, (await keyOf('grants')).id)).rejects.toMatchObject(refused);
    await expect(notes.add(1, id)).rejects.toMatchObject(refused);
    const { previous } = await keys.registry(notes).rotate('card_data');
    await notes.add(1, previous.id); // a gateway that has not heard of the rotation yet loses nothing
    await keys.registry(notes).moveRecords('card_data', 10, () => undefined);
    await keys.registry(notes).retire(previous.id);
    await expect(notes.add(1, previous.id)).rejects.toMatchObject(refused);
    await execute(db.url, 'insert into notes (key_id) values (null)');
  });
});
