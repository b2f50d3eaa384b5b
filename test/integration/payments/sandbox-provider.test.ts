import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FaultKind } from '../../../simulators/sandbox-provider/faults.ts';
import {
  createSandboxProviderServer,
  type SandboxProviderServer,
} from '../../../simulators/sandbox-provider/server.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { PaymentProvider, PaymentRequest, Purpose } from '../../../src/payments/contract.ts';
import {
  connectSandboxProvider,
  type SandboxProviderOptions,
} from '../../../src/payments/sandbox/provider.ts';
import { Secret } from '../../../src/secrets/secret.ts';
import { adapterOptions, cardDetails, makeCertificates, PIN_KEY, type Certificates } from './sandbox.ts';

const AMOUNT = { value: 1250, currency: 'EUR' };

describe('the sandbox adapter and the sandbox provider', () => {
  let certificates: Certificates;
  let strangers: Certificates;
  let server: SandboxProviderServer;
  let providerClockSkewMs = 0;
  const opened: PaymentProvider[] = [];

  const startServer = (port = 0): Promise<SandboxProviderServer> =>
    createSandboxProviderServer({
      tls: certificates.server,
      adminToken: 'admin-token',
      pinKey: PIN_KEY,
      port,
      now: () => new Date(Date.now() + providerClockSkewMs),
    });

  beforeAll(async () => {
    [certificates, strangers] = await Promise.all([makeCertificates(), makeCertificates()]);
    server = await startServer();
  });

  afterEach(async () => {
    providerClockSkewMs = 0;
    await Promise.all(opened.splice(0).map((provider) => provider.close()));
    await server.admin.reset();
  });

  afterAll(async () => {
    await server?.close();
    await Promise.all([certificates?.remove(), strangers?.remove()]);
  });

  const connect = async (changes: Partial<SandboxProviderOptions> = {}): Promise<PaymentProvider> => {
    const options = { pinKey: new Secret(PIN_KEY), ...changes };
    const provider = await connectSandboxProvider(adapterOptions(server.url, certificates.client, options));
    opened.push(provider);
    return provider;
  };

  const payment = (changes: Partial<PaymentRequest> = {}): PaymentRequest => ({
    purpose: 'charge',
    idempotencyKey: `att_${randomUUID()}`,
    amount: AMOUNT,
    card: cardDetails(),
    ...changes,
  });

  const failure = (name: string) =>
    expect.objectContaining({ name: 'ProviderError', failure: name }) as Error;

  it('charges: the provider gets exactly what was keyed', async () => {
    const provider = await connect();
    const idempotencyKey = `att_${randomUUID()}`;
    const outcome = await provider.pay({
      purpose: 'charge',
      idempotencyKey,
      amount: AMOUNT,
      reference: 'order 5',
      card: cardDetails({ cardNumber: '4012001037141112', postalCode: '94107', pin: '1234' }),
    });
    expect(outcome).toEqual({
      result: 'succeeded',
      providerReference: expect.stringMatching(/^chg_/) as string,
      authorizationCode: expect.stringMatching(/^[A-Z0-9]{6}$/) as string,
    });
    expect(await server.admin.ledger()).toEqual([
      {
        chargeId: (outcome as { providerReference: string }).providerReference,
        idempotencyKey,
        purpose: 'charge',
        amount: 1250,
        currency: 'EUR',
        reference: 'order 5',
        cardNumber: '4012001037141112',
        expiry: '1239',
        securityCode: '123',
        postalCode: '94107',
        pinOk: true,
        result: 'succeeded',
        authorizationCode: (outcome as { authorizationCode: string }).authorizationCode,
        at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/) as string,
        requests: 1,
      },
    ]);
  });

  it.each<[Purpose, boolean, boolean]>([
    ['charge', true, false],
    ['authorize', true, false],
    ['tokenize', false, true],
    ['charge_and_save', true, true],
  ])('%s gives an authorisation: %s, a token: %s', async (purpose, authorizes, saves) => {
    const provider = await connect();
    const { amount: _amount, ...rest } = payment({ purpose });
    const outcome = await provider.pay(purpose === 'tokenize' ? rest : { ...rest, amount: AMOUNT });
    expect(outcome.result).toBe('succeeded');
    expect('authorizationCode' in outcome).toBe(authorizes);
    expect('providerToken' in outcome && outcome.providerToken?.startsWith('tok_sandbox_')).toBe(saves);
  });

  it.each([
    ['4000000000000002', 'generic_decline', 'generic_decline'],
    ['4000000000009995', 'insufficient_funds', 'insufficient_funds'],
    ['4000000000009987', 'lost_card', 'lost_or_stolen'],
    ['4000000000009979', 'stolen_card', 'lost_or_stolen'],
    ['4000000000000069', 'expired_card', 'expired_card'],
    ['4000000000000127', 'incorrect_cvc', 'incorrect_security_code'],
    ['4000000000000119', 'processing_error', 'processing_error'],
  ])('declines the test number %s: %s', async (cardNumber, rawCode, reason) => {
    const provider = await connect();
    const outcome = await provider.pay(payment({ card: cardDetails({ cardNumber }) }));
    expect(outcome).toEqual({
      result: 'declined',
      reason,
      rawCode,
      providerReference: expect.stringMatching(/^chg_/) as string,
    });
  });

  it('declines a card that has run out, and a wrong PIN', async () => {
    const provider = await connect();
    const expired = await provider.pay(payment({ card: cardDetails({ expiry: '0120' }) }));
    expect(expired).toMatchObject({ result: 'declined', reason: 'expired_card' });
    const wrongPin = await provider.pay(payment({ card: cardDetails({ pin: '4321' }) }));
    expect(wrongPin).toMatchObject({ result: 'declined', reason: 'incorrect_pin' });
    const ledger = await server.admin.ledger();
    expect(ledger.map(({ result, declineCode, pinOk }) => ({ result, declineCode, pinOk }))).toEqual([
      { result: 'declined', declineCode: 'expired_card', pinOk: undefined },
      { result: 'declined', declineCode: 'incorrect_pin', pinOk: false },
    ]);
  });

  it('takes no PIN without a key for it', async () => {
    const provider = await connect();
    expect(provider.capabilities).toEqual({
      purposes: ['charge', 'authorize', 'tokenize', 'charge_and_save'],
      pin: true,
    });
    const keyless = await connectSandboxProvider(adapterOptions(server.url, certificates.client));
    opened.push(keyless);
    expect(keyless.capabilities.pin).toBe(false);
    await expect(keyless.pay(payment({ card: cardDetails({ pin: '1234' }) }))).rejects.toEqual(
      failure('invalid_request'),
    );
    expect(await server.admin.ledger()).toEqual([]);
  });

  it.each([
    ['a PIN of three digits', { card: cardDetails({ pin: '123' }) }],
    ['a charge without an amount', { amount: undefined }],
    ['money for a token', { purpose: 'tokenize' }],
    ['a key with a line break', { idempotencyKey: 'a\r\nb' }],
    ['a card number that is too long', { card: cardDetails({ cardNumber: '42424242424242424242' }) }],
    ['a wrong check digit, as the provider says', { card: cardDetails({ cardNumber: '4242424242424241' }) }],
    ['an unknown currency, as the provider says', { amount: { value: 1, currency: 'QQQ' } }],
  ])('refuses %s', async (_what, changes) => {
    const provider = await connect();
    await expect(provider.pay(payment(changes as Partial<PaymentRequest>))).rejects.toEqual(
      failure('invalid_request'),
    );
    expect(await server.admin.ledger()).toEqual([]);
  });

  it('leaves the card to its owner', async () => {
    const provider = await connect();
    const card = cardDetails({ pin: '1234' });
    await provider.pay(payment({ card }));
    expect([card.cardNumber.length, card.pin?.length]).toEqual([16, 4]);
  });

  it('moves money once for one key', async () => {
    const provider = await connect();
    const request = payment({ card: cardDetails({ pin: '1234' }) });
    const first = await provider.pay(request);
    expect(await provider.pay(request)).toEqual(first);
    const other = payment({ idempotencyKey: request.idempotencyKey, amount: { ...AMOUNT, value: 1 } });
    await expect(provider.pay(other)).rejects.toEqual(failure('invalid_request'));
    expect(await server.admin.ledger()).toMatchObject([{ requests: 3, amount: 1250 }]);
  });

  it('has no outcome of a payment that is in flight, then one', async () => {
    const provider = await connect();
    const request = payment();
    await server.admin.setFaults([{ kind: 'delay', delayMs: 3000 }]);
    const first = provider.pay(request);
    await vi.waitFor(
      () => expect(provider.lookup(request.idempotencyKey)).rejects.toEqual(failure('unknown_outcome')),
      { timeout: 30_000 },
    );
    await expect(provider.pay(request)).rejects.toEqual(failure('unknown_outcome'));
    const outcome = await first;
    expect(await provider.lookup(request.idempotencyKey)).toEqual(outcome);
  });

  it.each<[FaultKind, string, boolean]>([
    ['lose_answer', 'unknown_outcome', true],
    ['garbage', 'unknown_outcome', true],
    ['server_error', 'unknown_outcome', false],
    ['not_processed', 'unavailable', false],
    ['rate_limited', 'rate_limited', false],
  ])('after %s it is %s, and processed: %s', async (kind, expected, processed) => {
    const provider = await connect();
    await server.admin.setFaults([{ kind }]);
    const request = payment();
    await expect(provider.pay(request)).rejects.toEqual(failure(expected));
    const found = await provider.lookup(request.idempotencyKey);
    expect(found?.result).toBe(processed ? 'succeeded' : undefined);
    expect(await server.admin.ledger()).toHaveLength(processed ? 1 : 0);
  });

  it('has no outcome when the provider hangs', async () => {
    const provider = await connect({ timeoutMs: 2_000 });
    await provider.pay(payment()); // the connection stands, so the next request is sent at once
    await server.admin.setFaults([{ kind: 'hang' }]);
    const request = payment();
    await expect(provider.pay(request)).rejects.toEqual(failure('unknown_outcome'));
    expect(await provider.lookup(request.idempotencyKey)).toBeUndefined();
  });

  it.each<FaultKind>(['lose_answer', 'garbage', 'server_error', 'not_processed'])(
    'does not take %s of a look-up for "never seen"',
    async (kind) => {
      const provider = await connect();
      await server.admin.setFaults([{ kind, target: 'lookup' }]);
      await expect(provider.lookup('att_1')).rejects.toEqual(failure('unknown_outcome'));
      expect(await provider.lookup('att_1')).toBeUndefined();
    },
  );

  it.each<FaultKind>(['lose_answer', 'garbage', 'server_error'])(
    'sends nothing when %s keeps the envelope key from it, and fetches it again for the next payment',
    async (kind) => {
      const provider = await connect();
      await server.admin.setFaults([{ kind, target: 'keys' }]);
      await expect(provider.pay(payment())).rejects.toEqual(failure('unavailable'));
      expect(await server.admin.ledger()).toEqual([]);
      expect((await provider.pay(payment())).result).toBe('succeeded');
    },
  );

  it('seals to the new key after a rotation, also when payments run side by side', async () => {
    const provider = await connect();
    await provider.pay(payment());
    await server.admin.rotateKey();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => provider.pay(payment())));
    expect(outcomes.map(({ result }) => result)).toEqual(Array.from({ length: 8 }, () => 'succeeded'));
    expect(await server.admin.ledger()).toHaveLength(9);
  });

  it('is refused when its clock is ten minutes off', async () => {
    const provider = await connect();
    providerClockSkewMs = 10 * 60_000;
    await expect(provider.pay(payment())).rejects.toEqual(failure('invalid_request'));
  });

  it('is let in by its certificate only', async () => {
    const { clientCert, clientKey } = strangers.client;
    const stranger = await connect({ clientCert, clientKey, timeoutMs: 5_000 });
    expect(stranger.capabilities.pin).toBe(false);
    await expect(stranger.pay(payment())).rejects.toEqual(failure('unavailable'));
    expect(await server.admin.ledger()).toEqual([]);
  });

  it('starts without its provider, and learns of the PIN support once it is up', async () => {
    const placeholder = createServer().listen(0, '127.0.0.1');
    await once(placeholder, 'listening');
    const { port } = placeholder.address() as AddressInfo;
    placeholder.close();
    await once(placeholder, 'close');

    let skewMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skewMs };
    const provider = await connect({ url: `https://127.0.0.1:${port}`, clock });
    expect(provider.capabilities).toMatchObject({ pin: false });
    await expect(provider.pay(payment())).rejects.toEqual(failure('unavailable'));

    const late = await startServer(port);
    try {
      expect((await provider.pay(payment())).result).toBe('succeeded');
      skewMs = 5_000;
      await vi.waitFor(() => expect(provider.capabilities.pin).toBe(true));
    } finally {
      await late.close();
    }
  });

  it('waits for what is under way when it is closed, and takes nothing after', async () => {
    const provider = await connect();
    const request = payment();
    const paying = provider.pay(request);
    await provider.close();
    expect((await paying).result).toBe('succeeded');
    await expect(provider.pay(request)).rejects.toEqual(failure('unavailable'));
    await expect(provider.lookup(request.idempotencyKey)).rejects.toEqual(failure('unknown_outcome'));
  });

  it.each([
    [{ url: 'http://127.0.0.1:1' }, 'provider_configuration'],
    [{ url: 'nowhere' }, 'provider_configuration'],
    [{ pinKey: new Secret('00') }, 'pin_key_invalid'],
  ])('does not start with %o', async (changes, code) => {
    await expect(connect(changes)).rejects.toMatchObject({ code });
  });
});
