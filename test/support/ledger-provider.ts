import type {
  CheckFinding,
  LookupQuery,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../../src/payments/contract.ts';
import { ProviderError } from '../../src/payments/errors.ts';
import { ALL_CAPABILITIES } from './payment-provider.ts';

/** What became of one key. */
export interface LedgerEntry {
  readonly key: string;
  readonly operation: string;
  readonly amount: number | undefined;
  readonly currency: string | undefined;
  /** The payment that a modification is for. */
  readonly of: string | undefined;
  readonly outcome: PaymentOutcome;
  /** How often it arrived. */
  requests: number;
}

/** What is to happen to a request. */
export type Fate =
  /** It arrives and is answered. */
  | 'answered'
  /** It arrives, and the answer is lost. */
  | 'answer_lost'
  /** It never arrives, and nobody can tell. */
  | 'request_lost'
  | 'unavailable';

const KEY = /^[A-Za-z0-9_.:-]{1,64}$/;

/**
 * A provider with a ledger, strict about what it is asked: a key moves money once, another request under the same key is
 * refused, and nothing is captured, voided or refunded beyond what there is. Cards that end in 12 are declined.
 */
export class LedgerProvider implements PaymentProvider {
  readonly name: string;
  readonly ledger = new Map<string, LedgerEntry>();
  /** Every request, as it left the gateway: its key, and whether a security code was in it. */
  readonly sent: { readonly key: string; readonly securityCode: boolean }[] = [];
  readonly lookups: string[] = [];
  /** Anything that a provider would call a mistake of ours. */
  readonly mistakes: string[] = [];
  capabilities: ProviderCapabilities = ALL_CAPABILITIES;
  fate: (key: string, time: number) => Fate | Promise<Fate> = () => 'answered';
  /** Whether it can be asked. */
  answersLookups: () => boolean = () => true;
  #count = 0;

  constructor(name = 'ledger') {
    this.name = name;
  }

  async pay(request: PaymentRequest): Promise<PaymentOutcome> {
    const { idempotencyKey: key, purpose, amount, card } = request;
    if ((amount === undefined) !== (purpose === 'tokenize')) this.mistakes.push(`${purpose}: amount`);
    const declined = card?.cardNumber.use((bytes) => bytes.at(-1) === 0x32 && bytes.at(-2) === 0x31) ?? false;
    return await this.#take(key, purpose, amount, undefined, card?.securityCode !== undefined, () => {
      this.#count += 1;
      if (declined) {
        return { result: 'declined', reason: 'insufficient_funds', rawCode: '51' };
      }
      return {
        result: 'succeeded',
        providerReference: `${this.name}-${this.#count}`,
        ...(purpose !== 'tokenize' && { authorizationCode: `A${this.#count}` }),
        ...((purpose === 'tokenize' || purpose === 'charge_and_save') && {
          providerToken: `card-${this.#count}`,
        }),
      };
    });
  }

  async modify(request: ModificationRequest): Promise<PaymentOutcome> {
    const { idempotencyKey: key, modification, amount, providerReference } = request;
    if ((amount === undefined) !== (modification === 'void')) this.mistakes.push(`${modification}: amount`);
    return await this.#take(key, modification, amount, providerReference, false, () => {
      const refused = this.#refusalOf(modification, amount?.value ?? 0, providerReference);
      if (refused === undefined) return { result: 'succeeded', providerReference: `${this.name}-m${key}` };
      this.mistakes.push(refused);
      return { result: 'declined', reason: 'not_modifiable', rawCode: refused };
    });
  }

  async lookup({ idempotencyKey: key }: LookupQuery): Promise<PaymentOutcome | undefined> {
    this.lookups.push(key);
    if (!this.answersLookups()) throw new ProviderError('unknown_outcome', 'not now');
    return await Promise.resolve(this.ledger.get(key)?.outcome);
  }

  check(): Promise<readonly CheckFinding[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** What was taken and not given back, in minor units, over everything. */
  get taken(): number {
    return this.#succeeded(['charge', 'charge_and_save', 'capture']) - this.#succeeded(['refund']);
  }

  entries(operation?: string): LedgerEntry[] {
    return [...this.ledger.values()].filter(
      (entry) => operation === undefined || entry.operation === operation,
    );
  }

  async #take(
    key: string,
    operation: string,
    amount: { readonly value: number; readonly currency: string } | undefined,
    of: string | undefined,
    securityCode: boolean,
    decide: () => PaymentOutcome,
  ): Promise<PaymentOutcome> {
    if (!KEY.test(key)) this.mistakes.push(`key ${key}`);
    this.sent.push({ key, securityCode });
    const fate = await this.fate(key, this.sent.filter((one) => one.key === key).length);
    if (fate === 'unavailable') throw new ProviderError('unavailable', 'closed for today');
    if (fate === 'request_lost') throw new ProviderError('unknown_outcome', 'no answer');
    const outcome = this.#decided(key, operation, amount, of, decide);
    if (fate === 'answer_lost') throw new ProviderError('unknown_outcome', 'no answer');
    return outcome;
  }

  #decided(
    key: string,
    operation: string,
    amount: { readonly value: number; readonly currency: string } | undefined,
    of: string | undefined,
    decide: () => PaymentOutcome,
  ): PaymentOutcome {
    const known = this.ledger.get(key);
    if (known !== undefined) {
      known.requests += 1;
      if (known.operation !== operation || known.amount !== amount?.value || known.of !== of) {
        this.mistakes.push(`another request under the key ${key}`);
        throw new ProviderError('invalid_request', 'another request under this key');
      }
      return known.outcome;
    }
    const outcome = decide();
    const { value, currency } = amount ?? {};
    this.ledger.set(key, { key, operation, amount: value, currency, of, outcome, requests: 1 });
    return outcome;
  }

  #refusalOf(modification: string, value: number, reference: string): string | undefined {
    const payment = this.entries().find(
      ({ outcome }) => outcome.result === 'succeeded' && outcome.providerReference === reference,
    );
    if (payment === undefined) return `${modification} of nothing`;
    const done = (operation: string): LedgerEntry[] =>
      this.entries(operation).filter(({ of, outcome }) => of === reference && outcome.result === 'succeeded');
    const sum = (entries: readonly LedgerEntry[]): number =>
      entries.reduce((total, { amount = 0 }) => total + amount, 0);
    if (modification === 'refund') {
      const taken = payment.operation === 'authorize' ? sum(done('capture')) : (payment.amount ?? 0);
      return sum(done('refund')) + value > taken ? 'refunded more than was taken' : undefined;
    }
    const over = payment.operation !== 'authorize' || done('capture').length > 0 || done('void').length > 0;
    if (over) return `${modification} of what is not authorized`;
    return modification === 'capture' && value > (payment.amount ?? 0) ? 'captured too much' : undefined;
  }

  #succeeded(operations: readonly string[]): number {
    return this.entries()
      .filter(({ operation, outcome }) => operations.includes(operation) && outcome.result === 'succeeded')
      .reduce((total, { amount = 0 }) => total + amount, 0);
  }
}
