import type { Clock, Timer } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { ping } from './commands.ts';
import type { NgClient } from './ng.ts';

const PING_EVERY_MS = 1_000;
const PING_TIMEOUT_MS = 500;
/** One lost ping is a lost packet; two in a row are a lost engine. */
const FAILURES_TO_UNREACHABLE = 2;

/** Handlers must not throw. */
export interface MediaServerListener {
  /** Nothing can be masked or opened now. What is masked stays so in the engine, if it lives. */
  unreachable(): void;
  /** The engine answers again, maybe a new one: apply again what should stand. */
  reachable(): void;
}

export interface MediaServerMonitor {
  /** Undefined while nobody watches: nothing is asked then. */
  readonly reachable: boolean | undefined;
  /** Pings the engine for as long as anyone watches. Returns the way to stop. A late watcher is told what is known. */
  watch(listener: MediaServerListener): () => void;
}

/** Watches one rtpengine while masks are active. An engine counts as reachable until two pings in a row fail. */
export function createMediaServerMonitor(options: {
  readonly ng: NgClient;
  readonly clock: Clock;
  readonly logger: Logger;
}): MediaServerMonitor {
  const { ng, clock, logger } = options;
  const listeners = new Set<MediaServerListener>();
  let reachable = true;
  let failures = 0;
  let timer: Timer | undefined;
  let stopReconnect: (() => void) | undefined;
  /** Counts the periods of watching, so that a ping of an earlier one changes nothing. */
  let period = 0;

  const becomeUnreachable = (): void => {
    if (!reachable) return;
    reachable = false;
    logger.warn('rtpengine does not answer', { command: 'ping' });
    for (const listener of listeners) listener.unreachable();
  };

  const becomeReachable = (): void => {
    failures = 0;
    if (reachable) return;
    reachable = true;
    logger.info('rtpengine answers again', { command: 'ping' });
    for (const listener of listeners) listener.reachable();
  };

  const check = async (ofPeriod: number): Promise<void> => {
    let answered = true;
    try {
      await ping(ng, { timeoutMs: PING_TIMEOUT_MS });
    } catch {
      answered = false;
    }
    if (ofPeriod !== period) return;
    if (answered) becomeReachable();
    else {
      failures += 1;
      if (failures >= FAILURES_TO_UNREACHABLE) becomeUnreachable();
    }
  };

  const schedule = (ofPeriod: number): void => {
    timer = clock.after(PING_EVERY_MS, () => {
      schedule(ofPeriod);
      void check(ofPeriod);
    });
  };

  const start = (): void => {
    period += 1;
    reachable = true;
    failures = 0;
    schedule(period);
    void check(period);
    // The connection broke and stands again between two pings: what was applied may be gone with the old engine.
    stopReconnect = ng.onReconnect(() => {
      becomeUnreachable();
      becomeReachable();
    });
  };

  const stop = (): void => {
    period += 1;
    timer?.cancel();
    stopReconnect?.();
  };

  return {
    get reachable() {
      return listeners.size === 0 ? undefined : reachable;
    },
    watch(listener) {
      const watcher = listenerOf(listener);
      listeners.add(watcher);
      if (listeners.size === 1) start();
      else if (!reachable) watcher.unreachable();
      return () => {
        if (listeners.delete(watcher) && listeners.size === 0) stop();
      };
    },
  };
}

/** A listener of its own for each watch, so that one object may watch twice. */
function listenerOf(listener: MediaServerListener): MediaServerListener {
  return { unreachable: () => listener.unreachable(), reachable: () => listener.reachable() };
}
