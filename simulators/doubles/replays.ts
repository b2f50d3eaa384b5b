import { Refusal, type DoubleAnswer, type Refusals } from './route.ts';

interface Claim {
  readonly fingerprint: string;
  answer?: DoubleAnswer;
}

/** The first answer to every idempotency key. */
export class Replays {
  readonly #claims = new Map<string, Claim>();
  readonly #refusals: Refusals;
  readonly #replayed: Readonly<Record<string, string>>;

  /** `replayed`: headers that an answer has when it is given again. */
  constructor(refusals: Refusals, replayed: Readonly<Record<string, string>>) {
    this.#refusals = refusals;
    this.#replayed = replayed;
  }

  /** The key is in flight until `pause` resolves. */
  async once(
    key: string,
    fingerprint: string,
    pause: () => Promise<void>,
    work: () => DoubleAnswer,
  ): Promise<DoubleAnswer> {
    const first = this.#claims.get(key);
    if (first !== undefined) return this.#again(first, fingerprint);
    const claim: Claim = { fingerprint };
    this.#claims.set(key, claim);
    await pause();
    try {
      claim.answer = work();
    } catch (error) {
      // A refusal by the work itself is as final as a success; anything else is a fault of the double.
      if (!(error instanceof Refusal)) throw error;
      claim.answer = error.answer;
    }
    return claim.answer;
  }

  clear(): void {
    this.#claims.clear();
  }

  #again({ fingerprint, answer }: Claim, now: string): DoubleAnswer {
    if (fingerprint !== now) throw new Refusal(this.#refusals.keyReused());
    if (answer === undefined) throw new Refusal(this.#refusals.keyInFlight());
    return { ...answer, headers: { ...answer.headers, ...this.#replayed } };
  }
}
