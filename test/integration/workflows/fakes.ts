import { HushtoneError } from '../../../src/kernel/errors.ts';
import { newId } from '../../../src/kernel/ids.ts';
import type {
  CardDetails,
  CheckFinding,
  LookupQuery,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../../../src/payments/contract.ts';
import type {
  Calls,
  CallSnapshot,
  Masking,
  MaskingEvidence,
  MaskingFailure,
  MaskingListener,
  MaskingOptions,
  MaskingRefusal,
} from '../../../src/telephony/contract.ts';
import { ALL_CAPABILITIES } from '../../support/payment-provider.ts';

export const EVIDENCE: MaskingEvidence = {
  bridge: 'dial',
  transport: 'events',
  proof: 'engine_acknowledgement_and_sentinel',
  engineVersion: '11.5.1.10',
  keysDelivered: 0,
  keysDropped: 0,
  keyEventsSeen: 0,
  keyTonesSeen: 0,
  duplicatesDropped: 0,
  msToSecured: 84.2,
  msFromDoubtToGuard: [],
  steps: [{ atMs: 0, step: 'requested' }],
};

/** A masking that was asked for, with what the test does to it. */
export class FakeMasking implements Masking {
  readonly callId: string;
  readonly options: MaskingOptions;
  readonly listener: MaskingListener;
  /** What `secure` resolves or rejects with. */
  readonly promise: Promise<Masking>;
  released = 0;
  /** What `release` waits for. */
  releaseGate: Promise<void> = Promise.resolve();
  #keys = 0;
  #resolve: (masking: Masking) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(callId: string, options: MaskingOptions, listener: MaskingListener) {
    this.callId = callId;
    this.options = options;
    this.listener = listener;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  confirm(): void {
    this.#resolve(this);
  }

  /** As the telephone system refuses, with what it had found out; or in any other way. */
  refuse(failure: MaskingFailure): void {
    const refusal = Object.assign(new Error('not masked'), { failure, evidence: this.evidence() });
    this.#reject(refusal satisfies MaskingRefusal);
  }

  reject(error: unknown): void {
    this.#reject(error);
  }

  /** Keys as printed on the telephone. */
  keys(keys: string): void {
    for (const key of keys) {
      this.#keys += 1;
      this.listener.key('0123456789*#ABCD'.indexOf(key));
    }
  }

  evidence(): MaskingEvidence {
    return { ...EVIDENCE, keysDelivered: this.#keys, keyEventsSeen: this.#keys };
  }

  async release(): Promise<void> {
    this.released += 1;
    await this.releaseGate;
  }
}

export class FakeCalls implements Calls {
  readonly calls = new Map<string, CallSnapshot>();
  readonly maskings: FakeMasking[] = [];
  /** Whether `secure` confirms by itself. */
  confirms = true;

  /** The masking that was asked for last. */
  get masking(): FakeMasking {
    const masking = this.maskings.at(-1);
    if (masking === undefined) throw new Error('no masking was asked for');
    return masking;
  }

  get(callId: string): CallSnapshot | undefined {
    return this.calls.get(callId);
  }

  ofAgent(accountId: string, agentId: string): CallSnapshot | undefined {
    return this.list(accountId).find((call) => call.agentId === agentId && call.state !== 'ended');
  }

  list(accountId: string): CallSnapshot[] {
    return [...this.calls.values()].filter((call) => call.accountId === accountId);
  }

  async secure(callId: string, options: MaskingOptions, listener: MaskingListener): Promise<Masking> {
    const masking = new FakeMasking(callId, options, listener);
    this.maskings.push(masking);
    if (this.confirms) masking.confirm();
    return await masking.promise;
  }

  release(): Promise<void> {
    return Promise.reject(new HushtoneError('call_not_masked', 'conflict', 'No lock stands on this call.'));
  }
}

export const PAID = {
  result: 'succeeded',
  providerReference: 'pay_1',
  authorizationCode: 'A1B2',
} as const satisfies PaymentOutcome;

/** A provider that keeps what it was given: the requests, with the memory that they lent. */
export class FakeProvider implements PaymentProvider {
  readonly name = 'fake';
  readonly requests: PaymentRequest[] = [];
  /** Card number, expiry, security code and PIN as they were while `pay` ran. */
  readonly cards: Record<string, string>[] = [];
  /** Keys that were looked up. */
  readonly lookups: string[] = [];
  readonly modifications: ModificationRequest[] = [];
  capabilities: ProviderCapabilities = ALL_CAPABILITIES;
  onPay: (request: PaymentRequest) => Promise<PaymentOutcome> = () => Promise.resolve(PAID);
  onModify: (request: ModificationRequest) => Promise<PaymentOutcome> = () => Promise.resolve(PAID);
  onLookup: (key: string) => Promise<PaymentOutcome | undefined> = () => Promise.resolve(undefined);
  findings: readonly CheckFinding[] = [];

  async pay(request: PaymentRequest): Promise<PaymentOutcome> {
    this.requests.push(request);
    this.cards.push(read(request.card ?? {}));
    return await this.onPay(request);
  }

  async modify(request: ModificationRequest): Promise<PaymentOutcome> {
    this.modifications.push(request);
    return await this.onModify(request);
  }

  async lookup({ idempotencyKey }: LookupQuery): Promise<PaymentOutcome | undefined> {
    this.lookups.push(idempotencyKey);
    return await this.onLookup(idempotencyKey);
  }

  check(): Promise<readonly CheckFinding[]> {
    return Promise.resolve(this.findings);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function read(card: Partial<CardDetails>): Record<string, string> {
  const text = Object.entries(card).map(([name, buffer]) => [
    name,
    buffer.use((bytes) => new TextDecoder().decode(bytes)),
  ]);
  return Object.fromEntries(text) as Record<string, string>;
}

export function callOf(accountId: string, change: Partial<CallSnapshot> = {}): CallSnapshot {
  return {
    callId: newId('call'),
    accountId,
    state: 'connected',
    bridge: 'dial',
    from: '+15083084809',
    to: '2000',
    agentId: 'agent-1',
    transport: 'unknown',
    masked: false,
    startedAt: new Date('2026-06-15T11:59:00Z'),
    connectedAt: new Date('2026-06-15T11:59:05Z'),
    ...change,
  };
}
