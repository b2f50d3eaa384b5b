import type { Clock, Timer } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';

export type InterruptionReason =
  'listen_lost' | 'media_server_unreachable' | 'leg_renegotiated' | 'control_lost';

/** What can be out of order at the same time. The sentinel's loss is reported as `listen_lost`. */
export type Fault = InterruptionReason | 'sentinel_lost';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2000;
/** An engine that answers and still cannot confirm will not by itself. Being out of reach is not counted. */
const MOST_REFUSALS = 5;
const OUT_OF_REACH: ReadonlySet<string> = new Set(['rtpengine_unreachable', 'control_lost']);

export interface InterruptionHandlers {
  interrupted(reason: InterruptionReason, fault: Fault): void;
  /** Confirms masking again after `fault` was mended. Rejects when it cannot yet; `masking_lost` is final. */
  confirm(fault: Fault): Promise<void>;
  /** Nothing is out of order any more. */
  restored(): void;
  lost(cause: unknown): void;
}

interface Mending {
  refusals: number;
  retryMs: number;
  timer: Timer | undefined;
  /** A newer report of the same fault makes what is under way void. */
  round: number;
}

/** Keeps what is out of order and confirms masking again, with back-off, once each cause is gone. */
export class Interruptions {
  readonly #clock: Clock;
  readonly #handlers: InterruptionHandlers;
  readonly #faults = new Map<Fault, Mending>();
  #ended = false;

  constructor(clock: Clock, handlers: InterruptionHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
  }

  get any(): boolean {
    return this.#faults.size > 0;
  }

  has(fault: Fault): boolean {
    return this.#faults.has(fault);
  }

  /** The fault stands until `mended` and the confirmation that follows it. */
  add(fault: Fault): void {
    if (this.#ended) return;
    const known = this.#faults.get(fault);
    if (known !== undefined) {
      known.round += 1;
      known.timer?.cancel();
      return;
    }
    this.#faults.set(fault, { refusals: 0, retryMs: FIRST_RETRY_MS, timer: undefined, round: 0 });
    this.#handlers.interrupted(fault === 'sentinel_lost' ? 'listen_lost' : fault, fault);
  }

  /** The cause is gone: masking is confirmed again. Nothing happens when the fault is not known. */
  mended(fault: Fault): void {
    const mending = this.#faults.get(fault);
    if (mending === undefined || this.#ended) return;
    mending.round += 1;
    mending.timer?.cancel();
    void this.#confirm(fault, mending, mending.round);
  }

  /** No handler is called after this. */
  end(): void {
    this.#ended = true;
    for (const { timer } of this.#faults.values()) timer?.cancel();
    this.#faults.clear();
  }

  async #confirm(fault: Fault, mending: Mending, round: number): Promise<void> {
    const isVoid = (): boolean =>
      this.#ended || mending.round !== round || this.#faults.get(fault) !== mending;
    try {
      await this.#handlers.confirm(fault);
      if (isVoid()) return;
      this.#faults.delete(fault);
      if (!this.any) this.#handlers.restored();
    } catch (error) {
      if (isVoid()) return;
      const code = error instanceof HushtoneError ? error.code : '';
      if (!OUT_OF_REACH.has(code)) mending.refusals += 1;
      if (code === 'masking_lost' || mending.refusals >= MOST_REFUSALS) {
        this.#handlers.lost(error);
        return;
      }
      mending.timer = this.#clock.after(mending.retryMs, () => void this.#confirm(fault, mending, round));
      mending.retryMs = Math.min(mending.retryMs * 2, LONGEST_RETRY_MS);
    }
  }
}
