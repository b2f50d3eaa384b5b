import { EventFeed } from '../events/feed.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { listCaptures } from './capture-list.ts';
import type { CaptureDependencies } from './captures/dependencies.ts';
import { followCapture } from './captures/follow.ts';
import { recordCapture } from './captures/record-capture.ts';
import { RunningCaptures } from './captures/running-captures.ts';
import { captureStartedUnder, storedCapture, storedEvidence } from './captures/stored.ts';
import { within } from './captures/within.ts';
import type {
  Actor,
  CaptureDesk,
  CaptureEvent,
  CaptureListing,
  CapturePage,
  CaptureRequest,
  CaptureResource,
  CaptureSubscription,
  IdempotencyClaim,
} from './contract.ts';
import { refuseCardLike } from './take-payment/order.ts';
import { isEnded } from './take-payment/resource.ts';
import type { RunningCapture } from './take-payment/running-capture.ts';

/** A command is answered when its audit record is written; this long at most. */
const RECORD_WITHIN_MS = 10_000;

/** The captures of this process, behind the contract that `http` offers to clients. */
export class Captures implements CaptureDesk {
  readonly #dependencies: CaptureDependencies;
  readonly #feed = new EventFeed<CaptureEvent>();
  readonly #running = new RunningCaptures();

  constructor(dependencies: CaptureDependencies) {
    this.#dependencies = dependencies;
  }

  /** Whether a capture of this process runs on the call. */
  isCaptured(callId: string): boolean {
    return this.#running.isOnCall(callId);
  }

  async create(actor: Actor, asked: CaptureRequest, claim?: IdempotencyClaim): Promise<CaptureResource> {
    refuseCardLike(actor.subject, 'subject');
    if (claim?.takenOver === true) {
      const started = await captureStartedUnder(this.#dependencies.database, claim);
      if (started !== undefined) return this.#running.byId(started.id)?.resource ?? started;
    }
    const capture = await recordCapture({ ...this.#dependencies, feed: this.#feed }, actor, asked, claim);
    this.#running.add(capture);
    capture.start();
    return capture.resource;
  }

  async page(actor: Actor, listing: CaptureListing): Promise<CapturePage> {
    return await listCaptures(this.#dependencies.database, actor, listing);
  }

  async get(actor: Actor, captureId: string): Promise<CaptureResource> {
    const running = this.#running.reachedBy(actor, captureId);
    return running?.resource ?? (await storedCapture(this.#dependencies.database, actor, captureId));
  }

  async command(
    actor: Actor,
    captureId: string,
    command: Parameters<CaptureDesk['command']>[2],
  ): Promise<CaptureResource> {
    const running = this.#running.reachedBy(actor, captureId);
    if (running !== undefined) {
      const changed = running.command(command, actor);
      await this.#recorded(running);
      return changed;
    }
    const stored = await storedCapture(this.#dependencies.database, actor, captureId);
    if (isEnded(stored)) throw new HushtoneError('capture_ended', 'conflict', 'The capture has ended.');
    throw new HushtoneError('capture_elsewhere', 'unavailable', 'The capture belongs to another instance.');
  }

  async evidence(actor: Actor, captureId: string): ReturnType<CaptureDesk['evidence']> {
    const running = this.#running.reachedBy(actor, captureId)?.evidence();
    if (running !== undefined) return running;
    await this.get(actor, captureId);
    return await storedEvidence(this.#dependencies.database, actor, captureId);
  }

  async follow(
    actor: Actor,
    captureId: string,
    afterSequence: number,
    listener: (event: CaptureEvent) => void,
    ended: () => void,
  ): Promise<CaptureSubscription> {
    // Whoever may not know of it is refused here.
    await this.get(actor, captureId);
    return await followCapture({
      database: this.#dependencies.database,
      feed: this.#feed,
      accountId: actor.accountId,
      captureId,
      running: () => this.#running.reachedBy(actor, captureId),
      afterSequence,
      listener,
      ended,
    });
  }

  /**
   * Lets payments that are under way come to their outcome, and the events be written: at most `limitMs`. The locks of
   * captures that go on stay closed.
   */
  async settle(limitMs: number): Promise<void> {
    await this.#running.settle(limitMs, this.#dependencies.clock);
  }

  /** Lets the events be written that captures have told of by now: at most `limitMs`. */
  async written(limitMs: number): Promise<void> {
    await this.#running.written(limitMs, this.#dependencies.clock);
  }

  /**
   * What is acknowledged has its audit record. Events are published before they are written, so that nobody waits for
   * the database to see a key; the answer to a command is not. Rejects with `record_pending`.
   */
  async #recorded(capture: RunningCapture): Promise<void> {
    if (await within(capture.log.flush(), RECORD_WITHIN_MS, this.#dependencies.clock)) return;
    throw new HushtoneError(
      'record_pending',
      'unavailable',
      'The command was carried out, but its record is not written yet. Read the capture before you ask again.',
    );
  }
}
