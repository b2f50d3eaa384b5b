import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JweDouble } from '../../simulators/doubles/jwe/double.ts';
import { startStripeDouble, type StripeDouble } from '../../simulators/doubles/stripe/double.ts';
import type { KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { LedgerEntry } from '../../simulators/sandbox-provider/ledger.ts';
import { freePort } from '../../simulators/stack/ports.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CaptureResource } from '../../src/workflows/contract.ts';
import type { PaymentDetails, PaymentPage } from '../../src/workflows/payments/contract.ts';
import type { ProviderResource } from '../../src/workflows/providers/contract.ts';
import type { CardTokenResource } from '../../src/workflows/tokens/contract.ts';
import type { WebhookWithSecretResource } from '../../src/workflows/webhooks/contract.ts';
import { startReceiver, type Receiver } from '../integration/webhooks/receiver.ts';
import {
  keyCard,
  startCapture,
  startCheckedStack,
  talkingCall,
  type FollowedCapture,
} from '../support/acceptance.ts';
import { outputOf, runCommand } from '../support/command.ts';
import { randomKeyedCard, residueOfCards, type RandomCard } from '../support/keyed-cards.ts';
import { expectProblem, ledgerOf, untilStep } from '../support/records.ts';
import { searchForResidue } from '../support/residue.ts';
import { makeTlsMaterial, type TlsMaterial } from '../support/tls-peers.ts';
import { configurationOf, startDouble as startJwe } from '../unit/payments/jwe/bench.ts';

const KEYING: KeyingOptions = { transport: 'rfc4733', onMs: 80, offMs: 60 };
const STRIPE_KEY = 'sk_test_storedCardsAcceptance01';
/** Published by American Express and by Stripe. */
const AMEX = '378282246310005';
const WITHOUT_FUNDS = '4000000000009995';

const text = (digits: readonly number[]): string => digits.join('');
const eur = (value: number) => ({ value, currency: 'EUR' });

/** Each part goes on with what the one before has left: one card, kept and paid with until it is deleted. */
describe('a card that is stored on a call and paid with later', () => {
  const card: RandomCard = randomKeyedCard();
  let folder: string;
  let stack: Stack;
  let tls: TlsMaterial;
  let stripe: StripeDouble;
  let jwe: JweDouble;
  let receiver: Receiver;
  let hooks: WebhookWithSecretResource;
  /** Of the random card. */
  let token: string;
  /** Whose next digits a search would find by chance in any memory: looked for in their contexts only. */
  const securityCodes: string[] = [];

  const printed = async (...args: string[]): Promise<string> => await outputOf(args, stack.environment);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hushtone-stored-'));
    const passphrase = join(folder, 'passphrase');
    await writeFile(passphrase, 'correct horse battery staple\n');
    const keys = {
      KEY_PROVIDER: 'file',
      VAULT_KEY_FILE: join(folder, 'keys.json'),
      VAULT_PASSPHRASE_FILE: passphrase,
    };
    tls = await makeTlsMaterial();
    stripe = await startStripeDouble({ tls: { ca: tls.ca, ...tls.server }, secretKey: STRIPE_KEY });
    jwe = await startJwe(tls, { form: { enc: 'A256GCM', iat: 'seconds' } });
    receiver = await startReceiver();
    stack = await startCheckedStack({
      bridge: 'conference',
      environment: { ...keys, WEBHOOK_ALLOW_PRIVATE: 'true' },
      async through(peer, url) {
        // The keys are made once the database is there, and before the gateway wants them.
        if (peer === 'database') {
          const environment = { NODE_ENV: 'test', DATABASE_URL: url, ...keys };
          for (const command of [['migrate'], ['keys', 'generate']]) await outputOf(command, environment);
        }
        return url;
      },
    });
    const created = await stack.api.post('/v1/webhooks', {
      url: receiver.url,
      event_types: ['payment.succeeded'],
    });
    hooks = created.body as WebhookWithSecretResource;
  });
  afterAll(async () => {
    await stack?.close();
    await receiver?.close();
    await stripe?.close();
    await jwe?.close();
    await rm(folder, { recursive: true });
  });

  async function onACall<T>(work: (call: SimulatedCall) => Promise<T>): Promise<T> {
    const call = await talkingCall(stack);
    try {
      return await work(call);
    } finally {
      call.hangUpCaller();
      await call.whenEnded;
    }
  }

  async function submitted(
    capture: FollowedCapture,
    status: 'succeeded' | 'declined',
  ): Promise<CaptureResource> {
    await capture.command('submit');
    const ended = await capture.untilStatus(status);
    await untilStep(stack, capture.id, 'released');
    return ended;
  }

  /** One capture of a whole card, on a call of its own. */
  async function captured(
    request: Readonly<Record<string, unknown>>,
    keyed: { readonly number: string; readonly expiry?: string; readonly securityCode?: string },
    status: 'succeeded' | 'declined' = 'succeeded',
  ): Promise<CaptureResource> {
    return await onACall(async (call) => {
      const capture = await startCapture(stack, { request });
      await keyCard(call, capture, keyed, KEYING);
      return await submitted(capture, status);
    });
  }

  async function pay(request: Readonly<Record<string, unknown>>): Promise<PaymentDetails> {
    const { status, body } = await stack.api.post('/v1/payments', {
      purpose: 'charge',
      amount: eur(1500),
      token,
      ...request,
    });
    expect(body).toMatchObject({ id: expect.stringMatching(/^pay_/) as string });
    expect(status).toBe(201);
    return body as PaymentDetails;
  }

  async function change(payment: PaymentDetails, what: string, amount?: number): Promise<PaymentDetails> {
    const answer = await stack.api.post(
      `/v1/payments/${payment.id}/${what}`,
      amount === undefined ? undefined : { amount },
    );
    expect(answer.status).toBe(200);
    return answer.body as PaymentDetails;
  }

  async function stored(id: string): Promise<CardTokenResource> {
    const { status, body } = await stack.api.get(`/v1/tokens/${id}`);
    expect(status).toBe(200);
    return body as CardTokenResource;
  }

  const modificationsOf = async (payment: PaymentDetails): Promise<readonly object[]> =>
    (await stack.provider.admin.modifications()).filter(
      ({ chargeId }) => chargeId === payment.provider_reference,
    );

  it('is charged while the caller is there, and kept: what is shown of it is no number', async () => {
    const number = text(card.cardNumber);
    const securityCode = text(card.securityCode);
    const ended = await captured(
      {
        purpose: 'charge_and_save',
        token_storage: 'vault',
        reference: 'kept-1',
        customer_reference: 'customer-7',
      },
      { number, expiry: text(card.expiry), securityCode },
    );
    token = ended.payment?.token ?? '';
    expect(token).toMatch(/^tok_card_[0-9a-z]{26}$/);
    expect(await ledgerOf(stack, 'kept-1')).toMatchObject([
      { result: 'succeeded', amount: 4200, cardNumber: number, expiry: text(card.expiry), securityCode },
    ]);
    const shown = await stored(token);
    expect(shown).toMatchObject({
      status: 'active',
      mode: 'test',
      brand: 'visa',
      last4: number.slice(-4),
      bin: number.slice(0, 6),
      expiry: {
        month: Number(text(card.expiry).slice(0, 2)),
        year: 2000 + Number(text(card.expiry).slice(2)),
      },
      customer_reference: 'customer-7',
      capture_id: ended.id,
    });
    expect(JSON.stringify(shown)).not.toContain(number.slice(4, 12));
    const found = await stack.api.get('/v1/tokens?customer_reference=customer-7');
    expect(found.body).toEqual({ tokens: [shown] });
  });

  it('is charged again without a call, once for each key', async () => {
    const request = { purpose: 'charge', amount: eur(1500), token, reference: 'again-1' };
    const headers = { 'idempotency-key': randomUUID() };
    const first = await stack.api.post('/v1/payments', request, headers);
    expect(first).toMatchObject({
      status: 201,
      body: { status: 'captured', amount_captured: eur(1500), token },
    });
    const second = await stack.api.post('/v1/payments', request, headers);
    expect(second).toMatchObject({
      status: 201,
      body: first.body,
      headers: { 'idempotent-replayed': 'true' },
    });
    const entries = await ledgerOf(stack, 'again-1');
    expect(entries).toMatchObject([
      { amount: 1500, cardNumber: text(card.cardNumber), expiry: text(card.expiry), requests: 1 },
    ]);
    // The code went with the first payment, and nowhere else.
    expect(entries[0]).not.toHaveProperty('securityCode');
    const { id } = first.body as PaymentDetails;
    expect((await stack.api.get(`/v1/payments/${id}`)).body).toEqual(first.body);
    const listed = (await stack.api.get('/v1/payments?reference=again-1')).body as PaymentPage;
    expect(listed.payments.map((payment) => payment.id)).toEqual([id]);
  });

  it('is authorized, and captured in part or given up', async () => {
    const part = await pay({ purpose: 'authorize', reference: 'hold-1' });
    expect(part).toMatchObject({ status: 'authorized', amount_captured: eur(0) });
    expect(await change(part, 'capture', 1100)).toMatchObject({
      status: 'captured',
      amount_captured: eur(1100),
    });
    expect(await modificationsOf(part)).toMatchObject([{ modification: 'capture', amount: 1100 }]);
    const none = await pay({ purpose: 'authorize', reference: 'hold-2' });
    expect(await change(none, 'void')).toMatchObject({ status: 'voided' });
    expect(await modificationsOf(none)).toMatchObject([{ modification: 'void', result: 'succeeded' }]);
  });

  it('gives back what was taken, in parts, and no more', async () => {
    const payment = await pay({ reference: 'back-1' });
    expect(await change(payment, 'refund', 500)).toMatchObject({
      status: 'partially_refunded',
      amount_refunded: eur(500),
    });
    const tooMuch = await stack.api.post(`/v1/payments/${payment.id}/refund`, { amount: 1001 });
    expectProblem(tooMuch, 409, 'amount_too_large');
    expect(await change(payment, 'refund')).toMatchObject({ status: 'refunded', amount_refunded: eur(1500) });
    expect((await stack.api.post(`/v1/payments/${payment.id}/refund`)).status).toBe(409);
    const refunds = await modificationsOf(payment);
    expect(refunds).toMatchObject([
      { modification: 'refund', amount: 500 },
      { modification: 'refund', amount: 1000 },
    ]);
    expect(refunds).toHaveLength(2);
  });

  describe('with its security code, keyed on a later call', () => {
    const codeOnly = async (
      cardToken: string,
      securityCode: string,
      reference: string,
    ): Promise<LedgerEntry[]> => {
      securityCodes.push(securityCode);
      await onACall(async (call) => {
        const capture = await startCapture(stack, { request: { token: cardToken, reference } });
        const collecting = await capture.untilStatus('collecting');
        expect(collecting.fields.map(({ field }) => field)).toEqual(['security_code']);
        expect(collecting).toMatchObject({ token: cardToken, card: { last4: expect.any(String) as string } });
        await call.caller.key(securityCode, KEYING);
        await capture.untilStatus('ready');
        await submitted(capture, 'succeeded');
      });
      return await ledgerOf(stack, reference);
    };

    it('sends number and code together', async () => {
      const code = '907';
      expect(await codeOnly(token, code, 'code-1')).toMatchObject([
        { cardNumber: text(card.cardNumber), expiry: text(card.expiry), securityCode: code, amount: 4200 },
      ]);
    });

    it('wants four digits for an American Express card that was stored without a payment', async () => {
      const before = (await stack.provider.admin.ledger()).length;
      const kept = await captured(
        { purpose: 'tokenize', amount: undefined, token_storage: 'vault', reference: 'amex-kept' },
        { number: AMEX, securityCode: '6789' },
      );
      // No provider was asked for it.
      expect(await stack.provider.admin.ledger()).toHaveLength(before);
      const amex = kept.payment?.token ?? '';
      expect(await stored(amex)).toMatchObject({ brand: 'amex', last4: '0005', bin: '378282' });
      expect(await codeOnly(amex, '9043', 'code-2')).toMatchObject([
        { cardNumber: AMEX, expiry: '1230', securityCode: '9043' },
      ]);
    });
  });

  it('is not kept when the payment that was to keep it is declined', async () => {
    const ended = await captured(
      {
        purpose: 'charge_and_save',
        token_storage: 'vault',
        reference: 'poor',
        customer_reference: 'customer-poor',
      },
      { number: WITHOUT_FUNDS },
      'declined',
    );
    expect(ended.payment).toMatchObject({ status: 'declined', decline_reason: 'insufficient_funds' });
    expect(ended.payment).not.toHaveProperty('token');
    expect((await stack.api.get('/v1/tokens?customer_reference=customer-poor')).body).toEqual({ tokens: [] });
  });

  describe('with providers of the account', () => {
    let stripeId: string;
    let jweId: string;
    let closedId: string;

    const addProvider = async (kind: string, name: string, configuration: object): Promise<string> => {
      const request = { kind, name, mode: 'test', configuration };
      const { status, body } = await stack.api.post('/v1/providers', request);
      expect(body).toMatchObject({ kind, name });
      expect(status).toBe(201);
      return (body as ProviderResource).id;
    };

    const setRules = async (rules: readonly object[]): Promise<void> => {
      expect((await stack.api.call('PUT', '/v1/provider-routing', { rules })).status).toBe(200);
    };

    beforeAll(async () => {
      const ofStripe = { secret_key: STRIPE_KEY, base_url: stripe.url, ca: stripe.ca };
      stripeId = await addProvider('stripe', 'Stripe', ofStripe);
      jweId = await addProvider('jwe', 'Envelopes', configurationOf(jwe, tls, {}));
      const nobody = `https://127.0.0.1:${await freePort()}`;
      closedId = await addProvider('stripe', 'Closed', { ...ofStripe, base_url: nobody });
      const rules = [
        { mode: 'test', currencies: ['USD'], providers: [stripeId] },
        { mode: 'test', currencies: ['GBP'], providers: [closedId, jweId] },
        { mode: 'test', providers: ['default'] },
      ];
      await setRules(rules);
    });

    it('is taken on a call for the one that the currency leads to', async () => {
      const code = text(card.securityCode);
      const ended = await captured(
        {
          purpose: 'charge_and_save',
          token_storage: 'vault',
          reference: 'dollars-1',
          amount: { value: 2300, currency: 'USD' },
        },
        { number: text(card.cardNumber), expiry: text(card.expiry), securityCode: code },
      );
      expect(await stripe.ledger()).toMatchObject([
        { operation: 'charge', amount: 2300, cardNumber: text(card.cardNumber), securityCode: code },
      ]);
      expect(await ledgerOf(stack, 'dollars-1')).toEqual([]);
      const another = await stored(ended.payment?.token ?? '');
      expect(another.fingerprint).toBe((await stored(token)).fingerprint);
    });

    it('is told of in the words of a receipt, over a webhook that is signed', async () => {
      const payment = await pay({
        amount: { value: 700, currency: 'USD' },
        reference: 'order-1001',
        customer_reference: 'customer-7',
      });
      expect(payment).toMatchObject({ status: 'captured', provider: { id: stripeId, kind: 'stripe' } });
      const told = await vi.waitFor(
        () => {
          const one = receiver.requests.find(({ body }) => body.includes(payment.id));
          expect(one).toBeDefined();
          return one as Receiver['requests'][number];
        },
        { timeout: 20_000 },
      );
      new Webhook(hooks.secret ?? '').verify(told.body, told.headers as Record<string, string>);
      expect(told.event).toMatchObject({
        type: 'payment.succeeded',
        timestamp: expect.any(String) as string,
        data: {
          payment: {
            id: payment.id,
            status: 'succeeded',
            purpose: 'charge',
            mode: 'test',
            amount: { value: 700, currency: 'USD' },
            reference: 'order-1001',
            customer_reference: 'customer-7',
            card: { brand: 'visa', last4: text(card.cardNumber.slice(-4)) },
            provider_reference: payment.provider_reference,
          },
        },
      });
      expect(told.body).not.toContain(token);
    });

    it('goes to the next one when the first takes no connections, and is given back there', async () => {
      const payment = await pay({ amount: { value: 900, currency: 'GBP' }, reference: 'pounds-1' });
      expect(payment).toMatchObject({ status: 'captured', provider: { id: jweId, kind: 'jwe' } });
      await change(payment, 'refund', 300);
      expect(await jwe.ledger()).toMatchObject([
        { operation: 'charge', amount: 900, currency: 'GBP', cardNumber: text(card.cardNumber) },
        { operation: 'refund', amount: 300 },
      ]);
    });

    it('hushtone providers check: a line for each, and the exit code', async () => {
      const checked = await runCommand(['providers', 'check'], stack.environment);
      const lines = checked.out.trim().split('\n');
      expect(lines).toHaveLength(4);
      expect(lines[0]).toMatch(/^installation default sandbox test: ok$/);
      const lineOf = (id: string): string | undefined => lines.find((line) => line.includes(id));
      expect(lineOf(stripeId)).toMatch(/ stripe test "Stripe": ok$/);
      expect(lineOf(jweId)).toMatch(/ jwe test "Envelopes": ok$/);
      expect(lineOf(closedId)).toMatch(/ stripe test "Closed": unreachable: /);
      expect(checked.code).toBe(1);
      expect(checked.out + checked.error).not.toContain(STRIPE_KEY);
      await printed('providers', 'check', '--provider', stripeId);
    });
  });

  it('outlives its key: rotated, retired and destroyed while the gateway runs', async () => {
    const rotated = JSON.parse(await printed('keys', 'rotate', 'card_data')) as {
      earlier: readonly { id: string; stored: object }[];
    };
    expect(rotated.earlier).toMatchObject([{ stored: {} }]);
    const old = rotated.earlier[0]?.id ?? '';
    expect(await pay({ reference: 'after-rotate' })).toMatchObject({ status: 'captured' });
    await printed('keys', 'retire', old);
    await printed('keys', 'destroy', old, '--yes');
    expect(await pay({ reference: 'after-destroy' })).toMatchObject({ status: 'captured' });
    expect(await ledgerOf(stack, 'after-destroy')).toMatchObject([{ cardNumber: text(card.cardNumber) }]);
    const verified = await printed('audit', 'verify');
    expect(verified).toMatch(/^acc_demo: sound: /m);
    expect(verified).toMatch(/^hushtone\.installation: sound: /m);
  });

  it('is nowhere in the clear, and its codes are nowhere at all', async () => {
    const { values, contexts } = residueOfCards({ stored: card });
    const codes = securityCodes.flatMap((code) =>
      ['"security_code":"', '[cvc]=', '%5Bcvc%5D='].map((before) => ({
        name: 'a code of a stored card',
        before,
        digits: Array.from(code, Number),
      })),
    );
    const found = await searchForResidue({
      stack,
      values,
      contexts: [...contexts, ...codes],
      texts: { webhooks: receiver.requests.map(({ body }) => body) },
      directories: [folder],
    });
    expect(found).toEqual([]);
  });

  it('is of no use once it is deleted', async () => {
    const deleted = await stack.api.call('DELETE', `/v1/tokens/${token}`);
    expect(deleted.status).toBe(204);
    const refused = await stack.api.post('/v1/payments', { purpose: 'charge', amount: eur(100), token });
    expectProblem(refused, 409, 'token_deleted');
    const request = { agent_id: stack.lines[0]?.agentId, purpose: 'charge', amount: eur(100), token };
    await onACall(async () => {
      expectProblem(await stack.api.post('/v1/captures', request), 409, 'token_deleted');
    });
    expect(await stored(token)).toMatchObject({ status: 'deleted', deleted_reason: 'by_request' });
    // What was paid with it can still be given back.
    const { payments } = (await stack.api.get('/v1/payments?reference=again-1')).body as PaymentPage;
    const [earlier] = payments;
    if (earlier === undefined) throw new Error('the payment is gone');
    expect(await change(earlier, 'refund')).toMatchObject({ status: 'refunded' });
  });
});
