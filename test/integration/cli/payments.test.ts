import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runAccounts } from '../../../src/cli/accounts.ts';
import { runPayments } from '../../../src/cli/payments.ts';
import { newId } from '../../../src/kernel/ids.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { run, type Run } from '../../unit/cli/run.ts';

let folder: string;
let db: TestDatabase;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-payments-'));
  db = await createTestDatabase();
  environment = { DATABASE_URL: db.url, DATA_DIR: folder, NODE_ENV: 'test' };
  await run(runAccounts, ['create', '--account', 'acc_a'], environment);
  await run(runAccounts, ['create', '--account', 'acc_b'], environment);
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

const hushtone = async (...args: string[]): Promise<Run> => await run(runPayments, args, environment);

/** A charge of 42.00 EUR that went to a provider which is not there any more, an hour ago. */
async function unknownPayment(accountId: string): Promise<{ id: string; attemptId: string }> {
  const id = newId('pay');
  const attemptId = newId('att');
  await execute(
    db.url,
    `insert into payments (id, account_id, mode, purpose, status, amount, currency, requested_by, created_at, updated_at)
     values ($1, $2, 'test', 'charge', 'processing', 4200, 'EUR', 'client', now(), now())`,
    [id, accountId],
  );
  await execute(
    db.url,
    `insert into payment_attempts (id, account_id, payment_id, provider, provider_id, mode, idempotency_key, operation,
       amount, currency, reference, created_at)
     values ($1, $2, $3, 'adyen', 'prv_gone', 'test', 'key-' || $1, 'charge', 4200, 'EUR', 'order-1',
       now() - interval '1 hour')`,
    [attemptId, accountId, id],
  );
  await execute(
    db.url,
    `update payment_attempts set state = 'unknown', failure = 'unknown_outcome', finished_at = now() where id = $1`,
    [attemptId],
  );
  await execute(db.url, `update payments set status = 'unknown' where id = $1`, [id]);
  return { id, attemptId };
}

describe('hushtone payments', () => {
  it('prints a line for what is unsettled, settles it, and then has none', async () => {
    const { id, attemptId } = await unknownPayment('acc_a');
    const { id: ofOther } = await unknownPayment('acc_b');
    const listed = await hushtone('unsettled', '--account', 'acc_a');
    expect(listed.result).toBe(0);
    expect(listed.stdout).toMatch(
      new RegExp(
        `^acc_a ${id} ${attemptId} charge 4200 EUR \\(minor units\\), adyen prv_gone test, key key-${attemptId}, ` +
          'reference "order-1", since 20\\d\\d-[^:]+:[^ ]+Z: nothing tries any more: [^\\n]+\\n$',
      ),
    );
    expect((await hushtone('unsettled')).stdout).toContain(ofOther);

    const args = [
      'settle',
      id,
      '--outcome',
      'succeeded',
      '--provider-reference',
      'psp-1',
      '--reason',
      'seen there',
    ];
    const settled = await hushtone(...args, '--yes');
    expect(settled).toMatchObject({ result: 0, stderr: '' });
    expect(JSON.parse(settled.stdout)).toEqual({
      account_id: 'acc_a',
      payment_id: id,
      attempt_id: attemptId,
      operation: 'charge',
      outcome: 'succeeded',
      payment_status: 'captured',
      repeated: false,
    });
    expect(JSON.parse((await hushtone(...args, '--yes')).stdout)).toMatchObject({ repeated: true });
    const other = await hushtone('settle', id, '--outcome', 'declined', '--reason', 'no', '--yes');
    expect(other.result).toMatchObject({ code: 'payment_settled_otherwise' });
    expect(await hushtone('unsettled', '--account', 'acc_a')).toEqual({
      result: 0,
      stdout: '',
      stderr: 'every outcome is known\n',
    });
    const records = await execute<{ record: string }>(
      db.url,
      `select record from audit_records where account_id = 'acc_a' and operation = 'payment.resolve'`,
    );
    expect(records.map(({ record }) => JSON.parse(record) as unknown)).toMatchObject([
      { actor: { kind: 'operator' }, object: { id }, after: { note: 'seen there' } },
    ]);
  });

  it('settles nothing without a word of consent, and quotes no card number', async () => {
    const { id } = await unknownPayment('acc_b');
    const args = ['settle', id, '--outcome', 'never_arrived', '--reason'];
    expect(await hushtone(...args, 'not there')).toMatchObject({ result: 2, stdout: '' });
    const pasted = await hushtone(...args, 'card 4242424242424242', '--yes');
    expect(pasted.result).toMatchObject({ code: 'settlement_like_card' });
    expect(JSON.stringify(pasted) + String(pasted.result)).not.toContain('4242');
    expect((await hushtone('unsettled', '--account', 'acc_b')).stdout).toContain(id);
  });

  it.each([
    [['settle'], 'which payment?'],
    [['settle', '--yes'], 'which payment?'],
    [['settle', 'pay_1', '--outcome', 'lost', '--reason', 'x', '--yes'], '--outcome is succeeded'],
    [['settle', 'pay_1', '--outcome', 'declined', '--yes'], '--reason is missing'],
    [['settled'], 'there is no command settled'],
    [['unsettled', '--acount', 'acc_a'], '--acount'],
  ])('explains its usage: %s', async (args, said) => {
    const explained = await hushtone(...args);
    expect(explained).toMatchObject({ result: 2, stdout: '' });
    expect(explained.stderr).toContain(said);
    expect(explained.stderr).toContain('hushtone payments COMMAND');
  });
});
