import type { Database } from '../../db/database.ts';
import type { EventFeed } from '../../events/feed.ts';
import { readCaptureEvents } from '../../events/store.ts';
import type { CaptureEvent, CaptureSubscription } from '../contract.ts';
import { isEnded } from '../take-payment/resource.ts';
import type { RunningCapture } from '../take-payment/running-capture.ts';

/** A replay reads this many stored events at a time. */
const REPLAY_PAGE = 500;

export interface FollowOptions {
  readonly database: Database;
  /** What captures of this process publish. It knows no accounts: whoever follows was let in before. */
  readonly feed: EventFeed<CaptureEvent>;
  readonly accountId: string;
  readonly captureId: string;
  /** The capture, while it runs in this process. */
  readonly running: () => RunningCapture | undefined;
  readonly afterSequence: number;
  readonly listener: (event: CaptureEvent) => void;
  readonly ended: () => void;
}

/** The events of a capture as `CaptureDesk.follow` tells them: those from before, then those that come. */
export async function followCapture(options: FollowOptions): Promise<CaptureSubscription> {
  const { database, feed, accountId, captureId, running, afterSequence, listener, ended } = options;
  let last = afterSequence;
  let replaying = true;
  let over = false;
  const live: CaptureEvent[] = [];
  const close = (): void => {
    over = true;
    unsubscribe();
  };
  const end = (): void => {
    if (over) return;
    close();
    ended();
  };
  const deliver = (event: CaptureEvent): void => {
    if (over) return;
    if (event.sequence > last) {
      last = event.sequence;
      listener(event);
    }
    if (isEnded(event.capture)) end();
  };
  // Subscribed before the replay is read, so that nothing falls between the two.
  const unsubscribe = feed.subscribe(captureId, (event) => {
    if (replaying) live.push(event);
    else deliver(event);
  });
  try {
    await running()?.log.flush();
    await replay(database, accountId, { captureId, afterSequence, deliver });
  } catch (error) {
    close();
    throw error;
  }
  for (const event of live) deliver(event);
  replaying = false;
  // The client had seen the last event already, or there is nothing live to follow in this process.
  if (running()?.ended !== false) end();
  return { close };
}

async function replay(
  database: Database,
  accountId: string,
  {
    captureId,
    afterSequence,
    deliver,
  }: {
    readonly captureId: string;
    readonly afterSequence: number;
    readonly deliver: (event: CaptureEvent) => void;
  },
): Promise<void> {
  let after = afterSequence;
  for (;;) {
    const from = after;
    const page = await database.transaction(
      accountId,
      async (db) => await readCaptureEvents(db, captureId, from, REPLAY_PAGE),
    );
    for (const { sequence, payload } of page) {
      after = sequence;
      deliver(payload as CaptureEvent);
    }
    if (page.length < REPLAY_PAGE) return;
  }
}
