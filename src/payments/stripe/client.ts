import { ProviderError } from '../errors.ts';
import type { BodyChunk } from '../transport/body.ts';
import { exchangeWith } from '../transport/exchange.ts';
import { isJsonObject, readJsonObject } from '../transport/json.ts';
import type { Transport, TransportAnswer } from '../transport/transport.ts';
import { unreadable } from './answers.ts';
import { failureOf, readRefusal, refusedPayment } from './errors.ts';
import type { PaymentOutcome } from '../contract.ts';
import { formOf } from './wire.ts';

/** How many objects a list has at most (https://docs.stripe.com/api/pagination). */
const PAGE = 100;

/** 20,000 objects. A merchant that makes more in the time that an attempt stays unknown looks further by hand. */
const MOST_PAGES = 200;

export type StripeObject = Readonly<Record<string, unknown>>;

/** Requests as Stripe wants them, over the transport. */
export class StripeClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A request that may move money. Rejects with a `ProviderError` when there is no answer, never for a status. */
  async post(
    path: string,
    idempotencyKey: string,
    body: string | readonly BodyChunk[],
  ): Promise<TransportAnswer> {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      // Up to 255 characters, so a step of a payment has the payment's key and a name.
      'idempotency-key': idempotencyKey,
    };
    return await exchangeWith(this.#transport, { method: 'POST', path, headers, body }, 'Stripe');
  }

  async get(path: string): Promise<TransportAnswer> {
    return await exchangeWith(this.#transport, { method: 'GET', path }, 'Stripe');
  }

  /**
   * A step before the payment itself, which moves no money: whatever is lost here, the payment was not sent. Resolves to
   * what was made, or to a decline of the card.
   */
  async prepare(
    exchange: Promise<TransportAnswer>,
    read: (object: StripeObject) => string | undefined,
  ): Promise<{ readonly name: string } | { readonly declined: PaymentOutcome }> {
    let answer: TransportAnswer;
    try {
      answer = await exchange;
    } catch (error) {
      if (error instanceof ProviderError && error.failure === 'unknown_outcome') throw notSent(error);
      throw error;
    }
    if (answer.status >= 500) throw notSent();
    if (answer.status !== 200) return { declined: refusedPayment(answer) };
    const object = readJsonObject(answer.body);
    const name = object && read(object);
    if (name === undefined) throw notSent();
    return { name };
  }

  /** The newest first, until one is found. Rejects with a `ProviderError` when the list cannot be read to its end. */
  async find(
    path: string,
    filter: Readonly<Record<string, unknown>>,
    isWanted: (object: StripeObject) => boolean,
  ): Promise<StripeObject | undefined> {
    let after: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const query = { ...filter, limit: PAGE, ...(after !== undefined && { starting_after: after }) };
      const list = await this.read(`${path}?${formOf(query)}`);
      const { data, has_more: hasMore } = list;
      if (list['object'] !== 'list' || !Array.isArray(data) || typeof hasMore !== 'boolean')
        throw unreadable();
      const objects = data.filter(isJsonObject);
      const found = objects.find(isWanted);
      if (found !== undefined) return found;
      if (!hasMore) return undefined;
      const last = objects.at(-1)?.['id'];
      if (typeof last !== 'string' || last === after) throw unreadable();
      after = last;
    }
    throw new ProviderError('unknown_outcome', 'Stripe has too many payments of this time to look through');
  }

  /** An object. Rejects with a `ProviderError` for anything else. */
  async read(path: string): Promise<StripeObject> {
    const answer = await this.get(path);
    if (answer.status !== 200) throw failureOf(answer, readRefusal(answer));
    return readObject(answer);
  }
}

/** Throws a `ProviderError` with `unknown_outcome`. */
export function readObject(answer: TransportAnswer): StripeObject {
  const object = readJsonObject(answer.body);
  if (object === undefined) throw unreadable();
  return object;
}

function notSent(cause?: unknown): ProviderError {
  return new ProviderError('unavailable', 'Stripe did not answer before the payment was sent', { cause });
}
