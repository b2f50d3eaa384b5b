import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../../simulators/doubles/faults.ts';
import type { JweDouble } from '../../../simulators/doubles/jwe/double.ts';
import { payAndSearch, randomCard } from '../../support/adapter-residue.ts';
import { makeTlsMaterial, type TlsMaterial } from '../../support/tls-peers.ts';
import { configurationOf, FORMS, makeSigner, SIGNER_ID, startDouble } from '../../unit/payments/jwe/bench.ts';

describe('a payment as JWE over mutual TLS leaves no digit in the memory of the process', () => {
  const signer = makeSigner('ed25519');
  let tls: TlsMaterial;
  let double: JweDouble;

  beforeAll(async () => {
    tls = await makeTlsMaterial();
    double = await startDouble(tls, {
      form: FORMS['enc_data'] ?? { enc: 'A128GCM', iat: 'milliseconds' },
      signatureKeys: new Map([[SIGNER_ID, signer.known]]),
    });
  });
  afterEach(() => double.reset());
  afterAll(() => double?.close());

  it.each<{ ending: string; outcome: object; faults: readonly Fault[]; entries: number }>([
    { ending: 'answered', outcome: { result: 'succeeded' }, faults: [], entries: 1 },
    {
      ending: 'lost',
      outcome: { code: 'provider_unknown_outcome' },
      faults: [{ kind: 'lose_answer' }],
      entries: 1,
    },
    {
      ending: 'refused',
      outcome: { code: 'provider_rate_limited' },
      faults: [{ kind: 'rate_limited' }],
      entries: 0,
    },
  ])('when it was $ending', async ({ outcome, faults, entries }) => {
    await double.setFaults(faults);
    const card = randomCard();
    const result = await payAndSearch({
      adapter: {
        module: new URL('../../../src/payments/jwe/kind.ts', import.meta.url).href,
        member: 'jweKind',
        configuration: configurationOf(double, tls, {
          preset: 'enc_data',
          signature: { algorithm: 'ed25519', key: signer.text, key_id: SIGNER_ID },
        }),
      },
      request: {
        purpose: 'charge',
        idempotencyKey: 'residue-jwe',
        amount: { value: 1250, currency: 'EUR' },
      },
      card,
      contexts: [{ field: 'securityCode', before: '"security_code":"' }],
    });
    expect(result.outcome).toMatchObject(outcome);
    // That the digits went through that process is shown by the double, which has them.
    const digits = {
      cardNumber: card.cardNumber.join(''),
      expiry: card.expiry.join(''),
      securityCode: card.securityCode.join(''),
    };
    expect(await double.ledger()).toMatchObject(Array.from({ length: entries }, () => digits));
    expect(result.atOnce).toEqual([]);
    expect(result.afterCollection).toEqual([]);
  });
});
