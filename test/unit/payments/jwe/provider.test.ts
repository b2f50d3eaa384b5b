import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JweDouble } from '../../../../simulators/doubles/jwe/double.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import type { PaymentProvider, PaymentRequest } from '../../../../src/payments/contract.ts';
import { jweKind } from '../../../../src/payments/jwe/kind.ts';
import type { ProviderConfiguration } from '../../../../src/payments/kind.ts';
import { makeTlsMaterial, type TlsMaterial } from '../../../support/tls-peers.ts';
import { secretDigits } from '../secret-digits.ts';
import {
  ALGORITHMS,
  configurationOf,
  FORMS,
  makeSigner,
  OTHER_SIGNER_ID,
  SIGNER_ID,
  startDouble,
} from './bench.ts';

const DEPENDENCIES = { clock: systemClock, logger: silentLogger, timeoutMs: 30_000 };

let keys = 0;
const request = (changes: object = {}): PaymentRequest => ({
  purpose: 'charge',
  idempotencyKey: `att_${(keys += 1)}`,
  amount: { value: 1250, currency: 'EUR' },
  reference: 'order-1',
  customerReference: 'customer-7',
  card: {
    cardNumber: secretDigits('4242424242424242'),
    expiry: secretDigits('0139'),
    securityCode: secretDigits('123'),
    postalCode: secretDigits('94107'),
  },
  ...changes,
});

describe('every form and every algorithm', () => {
  let tls: TlsMaterial;
  const open: (JweDouble | PaymentProvider)[] = [];

  beforeAll(async () => {
    tls = await makeTlsMaterial();
  });
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each.close();
  });

  const start = async (
    options: Parameters<typeof startDouble>[1],
    configuration: ProviderConfiguration,
  ): Promise<{ double: JweDouble; provider: PaymentProvider }> => {
    const double = await startDouble(tls, options);
    open.push(double);
    const provider = jweKind.connect(configurationOf(double, tls, configuration), 'live', DEPENDENCIES);
    open.push(provider);
    return { double, provider };
  };

  it.each(Object.entries(FORMS).map(([preset, form], index) => ({ preset, form, index })))(
    'opens what preset $preset seals',
    async ({ preset, form, index }) => {
      const algorithm = ALGORITHMS[index] ?? 'ed25519';
      const signer = makeSigner(algorithm);
      const { double, provider } = await start(
        { form, signatureKeys: new Map([[SIGNER_ID, signer.known]]) },
        { preset, signature: { algorithm, key: signer.text, key_id: SIGNER_ID } },
      );
      expect(await provider.check()).toEqual([]);
      expect(await provider.pay(request())).toMatchObject({
        result: 'succeeded',
        authorizationCode: 'A1B2C3',
      });
      expect(await double.ledger()).toMatchObject([
        { cardNumber: '4242424242424242', expiry: '0139', securityCode: '123', amount: 1250 },
      ]);
    },
  );

  it('needs no signature where the provider wants none', async () => {
    const { provider } = await start({ form: FORMS['jose']! }, {});
    expect(await provider.pay(request())).toMatchObject({ result: 'succeeded' });
  });

  it('is refused with another signature, without one, and by another name', async () => {
    const signer = makeSigner('ed25519');
    const signatureKeys = new Map([[SIGNER_ID, signer.known]]);
    const signature = { algorithm: 'ed25519', key: signer.text, key_id: SIGNER_ID };
    for (const wrong of [
      {},
      { signature: { ...signature, key: makeSigner('ed25519').text } },
      { signature: { ...signature, key_id: OTHER_SIGNER_ID } },
      { signature: { ...signature, nonce: false } },
    ]) {
      const { double, provider } = await start({ form: FORMS['jose']!, signatureKeys }, wrong);
      await expect(provider.pay(request())).rejects.toMatchObject({ failure: 'authentication' });
      expect(await provider.check()).toMatchObject([{ code: 'authentication_failed' }]);
      expect(await double.ledger()).toEqual([]);
    }
  });

  it('writes the header that the provider wants', async () => {
    const header = { 'x-merchant': 'M-1', typ: 'JOSE' };
    const form = FORMS['jose']!;
    const { provider } = await start({ form, header }, { envelope: { header } });
    expect(await provider.pay(request())).toMatchObject({ result: 'succeeded' });
    const { provider: without } = await start({ form, header }, {});
    await expect(without.pay(request())).rejects.toMatchObject({ failure: 'invalid_request' });
  });

  it('is refused with another key, and with the wrong unit of iat', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    for (const wrong of [
      { encryption_key: other.export({ type: 'spki', format: 'pem' }).toString() },
      { encryption_key_id: 'enc-2025-9' },
      { envelope: { iat: 'milliseconds' } },
      { envelope: { iat: 'none' } },
      { envelope: { enc: 'A128GCM' } },
      { envelope: { field: 'data' } },
    ]) {
      const { double, provider } = await start({ form: FORMS['jose']! }, wrong);
      await expect(provider.pay(request())).rejects.toMatchObject({ failure: 'invalid_request' });
      expect(await double.ledger()).toEqual([]);
    }
  });

  it('is refused with a member that the provider does not know, and without one that it wants', async () => {
    for (const wrong of [
      { fixed_members: { extra: 1 } },
      { fixed_members: { 'card.holder': 'x' } },
      { members: { operation: '' } },
      { members: { idempotency_key: '' } },
      { members: { initiated_by: '' } },
      { members: { expiry_year: '' } },
      { members: { card_number: 'card.pan' } },
      { amount_format: 'decimal' },
      { idempotency_header: 'x-request-id' },
      { paths: { charge: '/authorize' } },
    ]) {
      const { double, provider } = await start({ form: FORMS['jose']! }, wrong);
      await expect(provider.pay(request())).rejects.toMatchObject({ failure: 'invalid_request' });
      expect(await double.ledger()).toEqual([]);
    }
  });

  it('reads answers that are signed, and no other', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = (key: typeof publicKey): string => key.export({ type: 'spki', format: 'pem' }).toString();
    const signed = { kind: 'jws', privateKey } as const;
    const reading = (key: string): object => ({ answers: { protection: 'jws', verification_key: key } });
    for (const preset of ['jose', 'encrypted']) {
      const form = FORMS[preset]!;
      const { provider } = await start({ form, answers: signed }, { preset, ...reading(pem(publicKey)) });
      const paid = request();
      const outcome = await provider.pay(paid);
      expect(outcome).toMatchObject({ result: 'succeeded' });
      const { idempotencyKey } = paid;
      const query = { idempotencyKey, operation: 'charge', since: new Date() } as const;
      expect(await provider.lookup(query)).toEqual(outcome);
      expect(await provider.lookup({ ...query, idempotencyKey: 'att_none' })).toBeUndefined();

      const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
      const { provider: doubting } = await start(
        { form, answers: signed },
        { preset, ...reading(pem(stranger)) },
      );
      await expect(doubting.pay(request())).rejects.toMatchObject({ failure: 'unknown_outcome' });
      await expect(doubting.lookup(query)).rejects.toMatchObject({ failure: 'unknown_outcome' });
      const { provider: bare } = await start({ form }, { preset, ...reading(pem(publicKey)) });
      await expect(bare.pay(request())).rejects.toMatchObject({ failure: 'unknown_outcome' });
    }
  });

  it('takes a 404 that is not the provider’s own for no word about a payment', async () => {
    const { provider } = await start({ form: FORMS['jose']! }, { answers: { not_found_code: 'nothing' } });
    const query = { idempotencyKey: 'att_none', operation: 'charge', since: new Date() } as const;
    await expect(provider.lookup(query)).rejects.toMatchObject({ failure: 'unknown_outcome' });
    expect(await provider.check()).toMatchObject([{ code: 'configuration_refused' }]);
  });

  it('signs the address that it asks, whether the base ends with a slash or not', async () => {
    const { text, known } = makeSigner('ed25519');
    const double = await startDouble(tls, {
      form: FORMS['jose']!,
      signatureKeys: new Map([[SIGNER_ID, known]]),
    });
    open.push(double);
    for (const base of ['/v1', '/v1/']) {
      const provider = jweKind.connect(
        configurationOf(double, tls, {
          base_url: `${double.url}${base}`,
          // Neither a look-up nor a check: the address itself is asked.
          paths: { charge: '/charge' },
          signature: { algorithm: 'ed25519', key: text, key_id: SIGNER_ID },
        }),
        'live',
        DEPENDENCIES,
      );
      open.push(provider);
      expect(await provider.check()).toEqual([]);
      expect(await provider.pay(request())).toMatchObject({ result: 'succeeded' });
    }
  });

  it('tells a client certificate that the provider does not take', async () => {
    const stranger = await makeTlsMaterial();
    const double = await startDouble(tls, { form: FORMS['jose']! });
    open.push(double);
    const provider = jweKind.connect(
      {
        ...configurationOf(double, stranger, {}),
        ca: tls.ca,
      },
      'live',
      DEPENDENCIES,
    );
    open.push(provider);
    expect(await provider.check()).toMatchObject([{ code: 'authentication_failed' }]);
    // Nothing tells a connection that is closed for that reason from one that is lost.
    await expect(provider.pay(request())).rejects.toMatchObject({ failure: 'unknown_outcome' });
    expect(await double.ledger()).toEqual([]);
  });
});
