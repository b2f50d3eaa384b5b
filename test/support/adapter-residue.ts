import { fork, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { contextNeedlesOf, needlesOf, textNeedlesOf, type Needle } from '../../simulators/residue/needles.ts';
import { Search, searchMemory } from '../../simulators/residue/search.ts';
import type { CardDetails, PaymentOutcome, PaymentRequest } from '../../src/payments/contract.ts';
import type { Mode, ProviderConfiguration } from '../../src/payments/kind.ts';

const PAYING_PROCESS = fileURLToPath(new URL('paying-process.ts', import.meta.url));
const RUN_TYPESCRIPT = new URL('run-typescript.mjs', import.meta.url).href;

export type KeyedField = keyof CardDetails;

/** Digits from 0 to 9 by field, as a caller keys them. */
export type KeyedCard = Readonly<Partial<Record<KeyedField, readonly number[]>>> & {
  readonly cardNumber: readonly number[];
};

/** Where the adapter is found and how it is connected. It crosses to another process: JSON only. */
export interface AdapterModule {
  /** The address of the module, a TypeScript source: `new URL('…', import.meta.url).href`. */
  readonly module: string;
  /**
   * What it exports: a `ProviderKind`, or a function `(configuration, dependencies)` that gives a `PaymentProvider` or
   * a promise of one.
   */
  readonly member: string;
  readonly configuration: ProviderConfiguration;
  readonly mode: Mode;
  readonly timeoutMs: number;
}

/** What is asked of the adapter; the card comes digit by digit. */
export type RequestWithoutCard = Omit<PaymentRequest, 'card' | 'stored'>;

export type ToPayingProcess =
  | { readonly adapter: AdapterModule }
  | { readonly field: KeyedField; readonly digit: number }
  | { readonly command: 'pay'; readonly request: RequestWithoutCard }
  | { readonly command: 'keep_copy' | 'collect' };

export interface AdapterTrial {
  readonly adapter: Omit<AdapterModule, 'mode' | 'timeoutMs'> & Partial<AdapterModule>;
  readonly request: RequestWithoutCard;
  readonly card: KeyedCard;
  /**
   * What stands before a value that is too short to be looked for alone, in the plain text that the adapter makes:
   * `[{ field: 'securityCode', before: 'card[cvc]=' }]`. At least four bytes.
   */
  readonly contexts?: readonly { readonly field: KeyedField; readonly before: string }[];
  /** More for the environment of the process; it gets nothing else but PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface AdapterTrialResult {
  /** What the adapter gave: an outcome, or the error's code and message. */
  readonly outcome: PaymentOutcome | { readonly code: string; readonly message: string };
  /** What was found in the memory of the process that paid, right after the answer. Names and addresses, no digit. */
  readonly atOnce: readonly string[];
  /** The same after a garbage collection. */
  readonly afterCollection: readonly string[];
}

/**
 * Sends one payment through an adapter in a process of its own and searches the memory of that process for the card
 * number, in every form, and for the other values. The process runs the sources; nothing needs to be built.
 *
 * The card must be a random one (`randomCard`), as published numbers are too regular to be looked for in binary. That
 * the digits went through the process is shown by the provider's double, which has them: compare that as well, or the
 * trial shows nothing.
 */
export async function payAndSearch(trial: AdapterTrial): Promise<AdapterTrialResult> {
  const paying = await startPayingProcess(trial);
  try {
    paying.key(trial.card);
    const search = new Search(needlesOfTrial(trial));
    const outcome = await paying.pay(trial.request);
    const atOnce = paying.search(search);
    await paying.collect();
    return { outcome, atOnce, afterCollection: paying.search(search) };
  } finally {
    await paying.end();
  }
}

/** For trials of the search itself; see `payAndSearch` for the use. */
export interface PayingProcess {
  readonly pid: number;
  /** One digit a message, so that no chunk that the process reads holds two of them side by side. */
  key(card: KeyedCard): void;
  pay(request: RequestWithoutCard): Promise<AdapterTrialResult['outcome']>;
  /** Leaks: keeps a copy of the card number that is never wiped. */
  keepCopy(): Promise<void>;
  collect(): Promise<void>;
  search(search: Search): readonly string[];
  end(): Promise<void>;
}

export async function startPayingProcess({
  adapter,
  environment,
}: Pick<AdapterTrial, 'adapter' | 'environment'>): Promise<PayingProcess> {
  const child = fork(PAYING_PROCESS, {
    execArgv: ['--expose-gc', '--enable-source-maps', '--import', RUN_TYPESCRIPT],
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: 'inherit',
  });
  const paying = controlOf(child);
  try {
    await next(child);
    await ask(child, { adapter: { mode: 'test', timeoutMs: 30_000, ...adapter } });
    return paying;
  } catch (error) {
    await paying.end();
    throw error;
  }
}

function controlOf(child: ChildProcess): PayingProcess {
  const pid = child.pid ?? 0;
  return {
    pid,
    key(card) {
      for (const [field, digits] of Object.entries(card) as [KeyedField, readonly number[]][]) {
        for (const digit of digits) child.send({ field, digit } satisfies ToPayingProcess);
      }
    },
    async pay(request) {
      return (await ask(child, { command: 'pay', request })) as AdapterTrialResult['outcome'];
    },
    async keepCopy() {
      await ask(child, { command: 'keep_copy' });
    },
    async collect() {
      await ask(child, { command: 'collect' });
    },
    search: (search) => searchMemory('memory', pid, search).found,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

async function ask(child: ChildProcess, message: ToPayingProcess): Promise<unknown> {
  const answer = next(child);
  child.send(message);
  return await answer;
}

/** The next message from the process. Rejects when it ends instead. */
async function next(child: ChildProcess): Promise<unknown> {
  const given = new AbortController();
  const ended = once(child, 'exit', { signal: given.signal }).then(() => {
    throw new Error('the paying process ended');
  });
  const told = once(child, 'message', { signal: given.signal });
  try {
    const [message] = (await Promise.race([told, ended])) as [{ detail?: unknown }];
    return message.detail;
  } finally {
    given.abort();
    await Promise.allSettled([told, ended]);
  }
}

function needlesOfTrial({ card, contexts = [] }: AdapterTrial): Needle[] {
  const long = Object.entries(card).filter(([, digits]) => digits.length >= 12);
  return [
    ...long.flatMap(([field, digits]) => needlesOf(field, digits)),
    ...textNeedlesOf('beginning of the card number', card.cardNumber.slice(0, 9)),
    ...textNeedlesOf('end of the card number', card.cardNumber.slice(-9)),
    ...contexts.flatMap(({ field, before }) => contextNeedlesOf(field, before, card[field] ?? [])),
  ];
}

export const randomDigits = (count: number): number[] => Array.from({ length: count }, () => randomInt(10));

/**
 * Random digits after `prefix` and the check digit of ISO/IEC 7812-1 annex B. The default prefix, 999, is of a range
 * that no issuer has.
 */
export function randomCardNumber(prefix: readonly number[] = [9, 9, 9], length = 16): number[] {
  const digits = [...prefix, ...randomDigits(length - 1 - prefix.length)];
  const sum = digits
    .toReversed()
    .map((digit, index) => (index % 2 === 0 ? digit * 2 : digit))
    .reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  return [...digits, (10 - (sum % 10)) % 10];
}

/** Card number, an expiry some years ahead and a security code: random, so that nothing else in memory equals them. */
export function randomCard(
  prefix?: readonly number[],
  length?: number,
): Required<Pick<KeyedCard, 'cardNumber' | 'expiry' | 'securityCode'>> {
  const month = randomInt(1, 13);
  const year = (new Date().getUTCFullYear() + 1 + randomInt(8)) % 100;
  return {
    cardNumber: randomCardNumber(prefix, length),
    expiry: [Math.floor(month / 10), month % 10, Math.floor(year / 10), year % 10],
    securityCode: randomDigits(3),
  };
}
