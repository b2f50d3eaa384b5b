import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FaultKind } from '../../../simulators/sandbox-provider/faults.ts';
import { EnvelopeKeys } from '../../../simulators/sandbox-provider/envelope-keys.ts';
import {
  createSandboxProviderServer,
  type SandboxProviderServer,
} from '../../../simulators/sandbox-provider/server.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import type {
  LookupQuery,
  ModificationRequest,
  Operation,
  PaymentProvider,
  PaymentRequest,
  Purpose,
} from '../../../src/payments/contract.ts';
import {
  connectSandboxProvider,
  SandboxProvider,
  type SandboxProviderOptions,
} from '../../../src/payments/sandbox/provider.ts';
import { Transport } from '../../../src/payments/transport/transport.ts';
import { Secret } from '../../../src/secrets/secret.ts';
import { longestSendMs } from '../../../src/workflows/payments/leases.ts';
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
    vi.restoreAllMocks();
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

  const payment = (changes: Partial<PaymentRequest> = {}): PaymentRequest =>
    ({
      purpose: 'charge',
      idempotencyKey: `att_${randomUUID()}`,
      amount: AMOUNT,
      card: cardDetails(),
      ...changes,
    }) as PaymentRequest;
  const query = (idempotencyKey: string, operation: Operation = 'charge'): LookupQuery => ({
    idempotencyKey,
    operation,
    since: new Date(),
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
    ['4000000000006975', 'card_velocity_exceeded', 'limit_exceeded'],
    ['4100000000000019', 'fraudulent', 'suspected_fraud'],
    ['4000002760003184', 'authentication_required', 'authentication_required'],
    ['4000000760000002', 'card_not_supported', 'card_not_supported'],
    ['4000000000000341', 'call_issuer', 'call_issuer'],
    ['4242424242424241', 'incorrect_number', 'incorrect_number'],
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
      modifications: ['capture', 'void', 'refund'],
      partialAmounts: true,
      storedCards: true,
      pin: true,
      recovery: 'lookup',
      absenceProvenAfterMs: 30_000,
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
    ['an unknown currency, as the provider says', { amount: { value: 1, currency: 'QQQ' } }],
  ])('refuses %s', async (_what, changes) => {
    const provider = await connect();
    await expect(provider.pay(payment(changes as Partial<PaymentRequest>))).rejects.toEqual(
      failure('invalid_request'),
    );
    expect(await server.admin.ledger()).toEqual([]);
  });

  it('declines a currency that no card takes', async () => {
    const provider = await connect();
    const outcome = await provider.pay(payment({ amount: { value: 100, currency: 'KPW' } }));
    expect(outcome).toMatchObject({ result: 'declined', reason: 'currency_not_supported' });
  });

  const authorized = async (provider: PaymentProvider, cardNumber?: string): Promise<string> => {
    const card = cardDetails(cardNumber === undefined ? {} : { cardNumber });
    const outcome = await provider.pay(payment({ purpose: 'authorize', card }));
    return outcome.providerReference ?? '';
  };
  const change = (
    providerReference: string,
    modification: ModificationRequest['modification'],
    value?: number,
  ): ModificationRequest => ({
    modification,
    idempotencyKey: `att_${randomUUID()}`,
    providerReference,
    authorized: AMOUNT,
    ...(value !== undefined && { amount: { value, currency: 'EUR' } }),
  });

  it('captures a part, refunds it in parts, and never more', async () => {
    const provider = await connect();
    const id = await authorized(provider);
    const tooMuch = await provider.modify(change(id, 'capture', 1251));
    expect(tooMuch).toMatchObject({
      result: 'declined',
      reason: 'not_modifiable',
      rawCode: 'amount_too_large',
    });
    expect(await provider.modify(change(id, 'capture', 1000))).toEqual({
      result: 'succeeded',
      providerReference: expect.stringMatching(/^mod_sandbox_/) as string,
    });
    expect(await provider.modify(change(id, 'capture', 250))).toMatchObject({ rawCode: 'already_captured' });
    expect(await provider.modify(change(id, 'void'))).toMatchObject({ rawCode: 'already_captured' });
    expect(await provider.modify(change(id, 'refund', 400))).toMatchObject({ result: 'succeeded' });
    expect(await provider.modify(change(id, 'refund', 601))).toMatchObject({ rawCode: 'amount_too_large' });
    expect(await provider.modify(change(id, 'refund', 600))).toMatchObject({ result: 'succeeded' });
    const done = (await server.admin.modifications()).filter(({ result }) => result === 'succeeded');
    expect(done).toMatchObject([
      { modification: 'capture', chargeId: id, amount: 1000, currency: 'EUR', requests: 1 },
      { modification: 'refund', chargeId: id, amount: 400 },
      { modification: 'refund', chargeId: id, amount: 600 },
    ]);
    expect(await server.admin.ledger()).toHaveLength(1);
  });

  it('voids what is authorized, once, and nothing after it', async () => {
    const provider = await connect();
    const id = await authorized(provider);
    const request = change(id, 'void');
    const first = await provider.modify(request);
    expect(first.result).toBe('succeeded');
    expect(await provider.modify(request)).toEqual(first);
    expect(await provider.modify(change(id, 'capture', 1))).toMatchObject({ reason: 'not_modifiable' });
    expect(await server.admin.modifications()).toMatchObject([{ requests: 2 }, { result: 'declined' }]);
  });

  it('refunds a charge, and tells of one that cannot be', async () => {
    const provider = await connect();
    const charged = await provider.pay(payment());
    expect(await provider.modify(change(charged.providerReference ?? '', 'refund', 1250))).toMatchObject({
      result: 'succeeded',
    });
    const card = cardDetails({ cardNumber: '4000000000005126' });
    const other = await provider.pay(payment({ card }));
    expect(await provider.modify(change(other.providerReference ?? '', 'refund', 1))).toMatchObject({
      result: 'declined',
      reason: 'not_modifiable',
      rawCode: 'refund_declined',
    });
    await expect(provider.modify(change('chg_unknown', 'refund', 1))).rejects.toEqual(
      failure('invalid_request'),
    );
    await expect(provider.modify(change('chg_unknown', 'refund'))).rejects.toEqual(
      failure('invalid_request'),
    );
  });

  it('refunds once of two refunds of the same money that run side by side', async () => {
    const provider = await connect();
    const { providerReference = '' } = await provider.pay(payment());
    const outcomes = await Promise.all([
      provider.modify(change(providerReference, 'refund', 1250)),
      provider.modify(change(providerReference, 'refund', 1250)),
    ]);
    expect(outcomes.map(({ result }) => result).toSorted()).toEqual(['declined', 'succeeded']);
  });

  it('finds a modification whose answer was lost', async () => {
    const provider = await connect();
    const id = await authorized(provider);
    await server.admin.setFaults([{ kind: 'lose_answer', target: 'modify' }]);
    const request = change(id, 'capture', 1250);
    await expect(provider.modify(request)).rejects.toEqual(failure('unknown_outcome'));
    const found = await provider.lookup(query(request.idempotencyKey, 'capture'));
    expect(found).toMatchObject({ result: 'succeeded' });
    expect(await provider.modify(request)).toEqual(found);
    await expect(provider.lookup(query(request.idempotencyKey, 'refund'))).rejects.toEqual(
      failure('unknown_outcome'),
    );
    expect(await server.admin.modifications()).toHaveLength(1);
  });

  it('charges a card that it keeps, with a code that was captured anew', async () => {
    const provider = await connect();
    const saved = await provider.pay(
      payment({ purpose: 'charge_and_save', customerReference: 'customer 5' }),
    );
    const providerToken = (saved.result === 'succeeded' && saved.providerToken) || '';
    const { securityCode } = cardDetails({ securityCode: '987' });
    const stored = { providerToken, ...(securityCode && { securityCode }) };
    const base = { purpose: 'charge', amount: AMOUNT } as const;
    const withCode = await provider.pay({ ...base, idempotencyKey: 'att_code', stored });
    expect(withCode).toMatchObject({ result: 'succeeded' });
    const later = await provider.pay({
      ...base,
      idempotencyKey: 'att_later',
      stored: { providerToken },
      initiatedBy: 'merchant',
    });
    expect(later).toMatchObject({ result: 'succeeded' });
    expect(await server.admin.ledger()).toMatchObject([
      { purpose: 'charge_and_save', customerReference: 'customer 5' },
      { storedToken: providerToken, cardNumber: '4242424242424242', securityCode: '987' },
      { storedToken: providerToken, initiatedBy: 'merchant' },
    ]);
    const unknown = provider.pay({
      ...base,
      idempotencyKey: 'att_no',
      stored: { providerToken: 'tok_sandbox_0' },
    });
    await expect(unknown).rejects.toEqual(failure('invalid_request'));
    const again = { idempotencyKey: 'att_again', purpose: 'tokenize', stored: { providerToken } } as const;
    await expect(provider.pay(again)).rejects.toEqual(failure('invalid_request'));
  });

  it('keeps a card that is declined once it is charged', async () => {
    const provider = await connect();
    const card = cardDetails({ cardNumber: '4000000000000341' });
    const outcome = await provider.pay({ purpose: 'tokenize', idempotencyKey: 'att_keep', card });
    const providerToken = (outcome.result === 'succeeded' && outcome.providerToken) || '';
    const request = { purpose: 'charge', idempotencyKey: 'att_use', amount: AMOUNT } as const;
    expect(await provider.pay({ ...request, stored: { providerToken } })).toMatchObject({
      result: 'declined',
      reason: 'call_issuer',
    });
  });

  it('says in a check what is wrong', async () => {
    const provider = await connect();
    expect(await provider.check()).toEqual([]);
    const stranger = await connect({
      clientCert: strangers.client.clientCert,
      clientKey: strangers.client.clientKey,
      timeoutMs: 5_000,
    });
    expect(await stranger.check()).toMatchObject([{ code: 'authentication_failed' }]);
    await server.admin.setFaults([{ kind: 'garbage', target: 'capabilities' }]);
    expect(await provider.check()).toMatchObject([{ code: 'configuration_refused' }]);
    await server.admin.setFaults([{ kind: 'garbage', target: 'keys' }]);
    expect(await provider.check()).toMatchObject([{ code: 'encryption_key_unknown' }]);
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
      () =>
        expect(provider.lookup(query(request.idempotencyKey))).rejects.toEqual(failure('unknown_outcome')),
      { timeout: 30_000 },
    );
    await expect(provider.pay(request)).rejects.toEqual(failure('unknown_outcome'));
    const outcome = await first;
    expect(await provider.lookup(query(request.idempotencyKey))).toEqual(outcome);
  });

  it('that arrives late is never seen before, and is the same payment as the one that overtook it', async () => {
    const provider = await connect();
    const request = payment();
    await server.admin.setFaults([{ kind: 'late', delayMs: 2000 }]);
    const first = provider.pay(request);
    await vi.waitFor(async () => expect(await server.admin.struck()).toMatchObject({ 'pay late': 1 }));
    expect(await provider.lookup(query(request.idempotencyKey))).toBeUndefined();
    const overtaken = await provider.pay(request);
    expect(await first).toEqual(overtaken);
    expect(await server.admin.ledger()).toMatchObject([{ requests: 2 }]);
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
    const found = await provider.lookup(query(request.idempotencyKey));
    expect(found?.result).toBe(processed ? 'succeeded' : undefined);
    expect(await server.admin.ledger()).toHaveLength(processed ? 1 : 0);
  });

  it('has no outcome when the provider hangs', async () => {
    const provider = await connect({ timeoutMs: 2_000 });
    await provider.pay(payment()); // the connection stands, so the next request is sent at once
    await server.admin.setFaults([{ kind: 'hang' }]);
    const request = payment();
    await expect(provider.pay(request)).rejects.toEqual(failure('unknown_outcome'));
    expect(await provider.lookup(query(request.idempotencyKey))).toBeUndefined();
  });

  it.each<FaultKind>(['lose_answer', 'garbage', 'server_error', 'not_processed'])(
    'does not take %s of a look-up for "never seen"',
    async (kind) => {
      const provider = await connect();
      await server.admin.setFaults([{ kind, target: 'lookup' }]);
      await expect(provider.lookup(query('att_1'))).rejects.toEqual(failure('unknown_outcome'));
      expect(await provider.lookup(query('att_1'))).toBeUndefined();
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

  it('needs no more exchanges for one attempt than its lease has time for', async () => {
    const provider = new SandboxProvider(
      adapterOptions(server.url, certificates.client, { pinKey: new Secret(PIN_KEY) }),
    );
    opened.push(provider);
    // The worst that there is: nothing is known of the provider yet, and its key is rotated once it was told.
    const earlier = (await EnvelopeKeys.generate()).publicKeys();
    vi.spyOn(EnvelopeKeys.prototype, 'publicKeys').mockReturnValueOnce(earlier);
    const exchanges = vi.spyOn(Transport.prototype, 'exchange');
    const outcome = await provider.pay(payment({ card: cardDetails({ pin: '1234' }) }));
    expect(outcome.result).toBe('succeeded');
    const paths = exchanges.mock.calls.map(([{ path }]) => path);
    expect(paths).toEqual(['/v1/capabilities', '/v1/keys', '/v1/payments', '/v1/keys', '/v1/payments']);
    expect(longestSendMs(1)).toBeGreaterThanOrEqual(paths.length);
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
    await expect(stranger.pay(payment())).rejects.toEqual(failure('authentication'));
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
    await expect(provider.lookup(query(request.idempotencyKey))).rejects.toEqual(failure('unknown_outcome'));
  });

  it.each([
    [{ url: 'http://127.0.0.1:1' }, 'provider_configuration'],
    [{ url: 'nowhere' }, 'provider_configuration'],
    [{ pinKey: new Secret('00') }, 'pin_key_invalid'],
  ])('does not start with %o', async (changes, code) => {
    await expect(connect(changes)).rejects.toMatchObject({ code });
  });
});
