import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ApiAnswer, ApiClient } from '../../../simulators/stack/api-client.ts';
import type { PaymentDetails } from '../../../src/workflows/payments/contract.ts';
import type { Order, OrderedChange } from './books.ts';

/** How long it waits for one answer, and how long it goes on asking. */
const ANSWER_WITHIN_MS = 8_000;
/** A gateway that died keeps a key for a minute: longer than that, and than restarts on a busy machine. */
const ASKS_FOR_MS = 600_000;
const READS_EVERY_MS = 1_000;
const LONGEST_PAUSE_MS = 2_000;

/** What an integrator saw go wrong. */
export interface Tally {
  lostConnections: number;
  serverErrors: number;
  inFlight: number;
  replayed: number;
}

export interface Wish {
  readonly reference: string;
  readonly purpose: 'charge' | 'authorize';
  readonly amount: number;
  /** `token`, or `provider_token` and `provider_id`. */
  readonly card: Readonly<Record<string, string>>;
  /** Sent to both gateways at the same moment, under the same key. */
  readonly twice: boolean;
  /** In this order. */
  readonly changes: readonly Pick<OrderedChange, 'modification' | 'amount'>[];
}

/** What one order may do for others: it waits, and somebody else can go on. */
export type LetGo = () => void;

/**
 * Takes payments as an integrator does that wants each of them once: it repeats a request under the same
 * Idempotency-Key, at whichever gateway, until it has an answer, and reads what is not known yet.
 */
export class Integrator {
  readonly tally: Tally = { lostConnections: 0, serverErrors: 0, inFlight: 0, replayed: 0 };
  readonly #gateways: readonly ApiClient[];
  readonly #random: () => number;
  #next = 0;

  constructor(gateways: readonly ApiClient[], random: () => number) {
    this.#gateways = gateways;
    this.#random = random;
  }

  async order(wish: Wish, letGo: LetGo): Promise<Order> {
    const { reference, purpose, amount, card, twice } = wish;
    const key = randomUUID();
    const body = { purpose, amount: { value: amount, currency: 'EUR' }, reference, ...card };
    const at = this.#next++;
    const answers = await Promise.all(
      (twice ? [at, at + 1] : [at]).map(
        async (gateway) => await this.#send('/v1/payments', body, key, gateway, letGo),
      ),
    );
    const payments = answers.flatMap((answer) => {
      if (answer === undefined) return [];
      if (answer.status !== 201) throw new Error(`a payment was answered: ${JSON.stringify(answer.body)}`);
      return [answer.body as PaymentDetails];
    });
    const paymentIds = payments.map(({ id }) => id);
    const [first] = payments;
    if (first === undefined) return { reference, amount, paymentIds, changes: [] };
    const settled = await this.#settled(first, letGo);
    const changes: OrderedChange[] = [];
    if (settled?.status === 'captured' || settled?.status === 'authorized') {
      for (const change of wish.changes) {
        changes.push({ ...change, told: await this.#change(first.id, change, letGo) });
      }
    }
    return { reference, amount, paymentIds, changes, ...(settled && { told: settled.status }) };
  }

  /** Asks for a change until it is made or refused. Whatever is not sure is read first, never just asked again. */
  async #change(
    id: string,
    { modification, amount }: Wish['changes'][number],
    letGo: LetGo,
  ): Promise<OrderedChange['told']> {
    const before = await this.#read(id, () => true, letGo);
    if (before === undefined) return 'nothing';
    const isDone = ({
      status,
      amount_captured: captured,
      amount_refunded: refunded,
    }: PaymentDetails): boolean =>
      modification === 'refund'
        ? refunded.value > before.amount_refunded.value
        : modification === 'capture'
          ? captured.value > 0
          : status === 'voided';
    const path = `/v1/payments/${id}/${modification}`;
    for (let tries = 0; tries < 20; tries += 1) {
      const key = randomUUID();
      const body = amount === undefined ? {} : { amount };
      const answer = await this.#send(path, body, key, this.#next++, letGo);
      if (answer === undefined) return 'nothing';
      const code = codeOf(answer);
      if (answer.status !== 200 && answer.status !== 409) {
        throw new Error(`a ${modification} was answered: ${JSON.stringify(answer.body)}`);
      }
      const now = await this.#read(id, ({ pending }) => pending === undefined, letGo);
      if (now === undefined) return 'nothing';
      if (isDone(now)) return 'done';
      if (code === 'payment_change_declined') return 'refused';
      // It never arrived, as is known by now: it is asked for anew.
    }
    return 'nothing';
  }

  async #settled(payment: PaymentDetails, letGo: LetGo): Promise<PaymentDetails | undefined> {
    const isSettled = ({ status }: PaymentDetails): boolean =>
      status !== 'processing' && status !== 'unknown';
    return isSettled(payment) ? payment : await this.#read(payment.id, isSettled, letGo);
  }

  /** Reads a payment until it fits; undefined when it never does. */
  async #read(
    id: string,
    fits: (payment: PaymentDetails) => boolean,
    letGo: LetGo,
  ): Promise<PaymentDetails | undefined> {
    const until = performance.now() + ASKS_FOR_MS;
    while (performance.now() < until) {
      const answer = await this.#exchange('GET', `/v1/payments/${id}`, this.#next++);
      if (answer?.status === 200) {
        const payment = answer.body as PaymentDetails;
        if (fits(payment)) return payment;
        letGo();
      } else if (answer !== undefined && answer.status < 500) {
        throw new Error(`a payment was read as ${JSON.stringify(answer.body)}`);
      }
      await pause(READS_EVERY_MS * (0.5 + this.#random()));
    }
    return undefined;
  }

  async #send(
    path: string,
    body: unknown,
    key: string,
    gateway: number,
    letGo: LetGo,
  ): Promise<ApiAnswer | undefined> {
    const until = performance.now() + ASKS_FOR_MS;
    for (let tries = 0; performance.now() < until; tries += 1) {
      const answer = await this.#exchange('POST', path, gateway + tries, body, key);
      const inFlight = answer?.status === 409 && codeOf(answer) === 'idempotency_in_flight';
      if (answer !== undefined && answer.status < 500 && answer.status !== 429 && !inFlight) {
        if (answer.headers['idempotent-replayed'] === 'true') this.tally.replayed += 1;
        return answer;
      }
      if (inFlight) {
        this.tally.inFlight += 1;
        letGo();
      } else if (answer !== undefined) {
        this.tally.serverErrors += 1;
      }
      await pause(Math.min(LONGEST_PAUSE_MS, 100 * 2 ** tries) * (0.5 + this.#random()));
    }
    return undefined;
  }

  async #exchange(
    method: string,
    path: string,
    gateway: number,
    body?: unknown,
    key?: string,
  ): Promise<ApiAnswer | undefined> {
    const api = this.#gateways[gateway % this.#gateways.length] as ApiClient;
    const cancel = new AbortController();
    try {
      const answer = api.call(method, path, body, key === undefined ? {} : { 'idempotency-key': key });
      const late = pause(ANSWER_WITHIN_MS, undefined, { signal: cancel.signal });
      const first = await Promise.race([answer, late.catch(() => undefined)]);
      // Nobody listens any more.
      answer.catch(() => undefined);
      if (first === undefined) this.tally.lostConnections += 1;
      return first ?? undefined;
    } catch (error) {
      if (isContractFailure(error)) throw error;
      this.tally.lostConnections += 1;
      return undefined;
    } finally {
      cancel.abort();
    }
  }
}

/** A lost connection has the code of a system call, or an answer that ends half-way; anything else is told. */
function isContractFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  const { code } = error as { code?: unknown };
  return typeof code !== 'string' && !(error instanceof SyntaxError) && error.message !== 'aborted';
}

function codeOf({ body }: ApiAnswer): string | undefined {
  const code = typeof body === 'object' && body !== null ? (body as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
