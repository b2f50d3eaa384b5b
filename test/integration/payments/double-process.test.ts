import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDoubleProcess, type DoubleProcess } from '../../../simulators/doubles/process.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { stripeKind } from '../../../src/payments/stripe/kind.ts';
import { createDevelopmentPki } from '../../../src/pki/development.ts';
import { secretDigits } from '../../unit/payments/secret-digits.ts';

const SECRET_KEY = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc';
const RUN_TYPESCRIPT = new URL('../../support/run-typescript.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../../simulators/doubles/main.ts', import.meta.url));

describe('a double in a process of its own', () => {
  let directory: string;
  let double: DoubleProcess;

  const start = async (provider: string): Promise<DoubleProcess> => {
    const { ca, provider: identity } = await createDevelopmentPki(join(directory, 'pki'));
    return await startDoubleProcess({
      provider,
      secret: SECRET_KEY,
      tls: { caFile: ca.certificate, certFile: identity.certificate, keyFile: identity.key },
      // The sources, so that nothing needs to be built.
      command: [process.execPath, '--import', RUN_TYPESCRIPT, MAIN],
    });
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hushtone-double-'));
    double = await start('stripe');
  });
  afterAll(async () => {
    await double?.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('takes payments, has faults and shows its ledger', async () => {
    const provider = stripeKind.connect(
      { secret_key: SECRET_KEY, base_url: double.url, ca: double.ca },
      'test',
      { clock: systemClock, logger: silentLogger, timeoutMs: 30_000 },
    );
    const request = {
      purpose: 'charge' as const,
      idempotencyKey: 'att_1',
      amount: { value: 1250, currency: 'EUR' },
      card: { cardNumber: secretDigits('4242424242424242'), expiry: secretDigits('1239') },
    };
    await double.setFaults([{ kind: 'lose_answer' }]);
    await expect(provider.pay(request)).rejects.toMatchObject({ failure: 'unknown_outcome' });
    expect(await provider.pay(request)).toMatchObject({ result: 'succeeded' });
    expect(await double.ledger()).toMatchObject([
      { idempotencyKey: 'att_1', cardNumber: '4242424242424242' },
    ]);
    expect((await double.requests()).filter(({ target }) => target === 'pay')).toHaveLength(2);
    await double.reset();
    expect(await double.ledger()).toEqual([]);
    await provider.close();
  });

  it('says why it does not start', async () => {
    await expect(start('nobody')).rejects.toThrow('an option is missing or unknown');
  });

  it('ends when it is told to, once and for all', async () => {
    const another = await start('stripe');
    await another.close();
    await another.close();
    expect(() => process.kill(another.pid, 0)).toThrow('ESRCH');
  });
});
