import type { Clock } from '../../kernel/clock.ts';
import type { Actor } from '../contract.ts';
import { reachesCapture } from '../reach.ts';
import type { RunningCapture } from '../take-payment/running-capture.ts';
import { within } from './within.ts';

/** The captures of this process that are not over. */
export class RunningCaptures {
  readonly #captures = new Map<string, RunningCapture>();

  /** Until it has ended. */
  add(capture: RunningCapture): void {
    const { id } = capture.identity;
    this.#captures.set(id, capture);
    void capture.whenEnded.then(() => this.#captures.delete(id));
  }

  byId(captureId: string): RunningCapture | undefined {
    return this.#captures.get(captureId);
  }

  /** Unless the actor may not know of it. */
  reachedBy(actor: Actor, captureId: string): RunningCapture | undefined {
    const capture = this.#captures.get(captureId);
    if (capture === undefined || capture.identity.accountId !== actor.accountId) return undefined;
    return reachesCapture(actor, { ...capture.identity, ended: capture.ended }) ? capture : undefined;
  }

  isOnCall(callId: string): boolean {
    for (const { identity } of this.#captures.values()) if (identity.callId === callId) return true;
    return false;
  }

  /** Waits for payments that are under way and for events to be written: at most `limitMs`. */
  async settle(limitMs: number, clock: Clock): Promise<void> {
    const settled = [...this.#captures.values()].map(async (capture) => {
      if (capture.ended || capture.resource.status === 'processing') await capture.whenEnded;
      await capture.log.flush();
    });
    await within(Promise.all(settled), limitMs, clock);
  }

  /** Waits for events to be written, and for nothing else of captures that go on: at most `limitMs`. */
  async written(limitMs: number, clock: Clock): Promise<void> {
    const flushed = [...this.#captures.values()].map(async ({ log }) => await log.flush());
    await within(Promise.all(flushed), limitMs, clock);
  }
}
