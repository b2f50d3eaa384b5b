import type { Timers } from './timers.ts';

interface Pending {
  readonly succeed: (data: unknown) => void;
  readonly fail: (error: Error) => void;
  readonly cancelTimer: () => void;
}

/** Messages that the application must ack in time. An ack to an unknown message is ignored. */
export class PendingAcks {
  readonly #pending = new Map<string, Pending>();
  readonly #timers: Timers;
  readonly #ackMs: number;

  constructor(timers: Timers, ackMs: number) {
    this.#timers = timers;
    this.#ackMs = ackMs;
  }

  expect(msgid: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#add(msgid, resolve, reject);
    });
  }

  receive(msgid: string, data: unknown): void {
    const pending = this.#take(msgid);
    pending?.succeed(data);
  }

  /** The same promise waits for an ack under another id, with a fresh time limit. */
  rename(from: string, to: string): void {
    const pending = this.#take(from);
    if (pending !== undefined) this.#add(to, pending.succeed, pending.fail);
  }

  /** The socket is gone: no ack can come any more. */
  abandon(): void {
    for (const msgid of this.#pending.keys()) this.#take(msgid)?.fail(new Error('socket is closed'));
  }

  #add(msgid: string, succeed: (data: unknown) => void, fail: (error: Error) => void): void {
    const cancelTimer = this.#timers.after(this.#ackMs, () => {
      this.#pending.delete(msgid);
      fail(new Error('not acked in time'));
    });
    this.#pending.set(msgid, { succeed, fail, cancelTimer });
  }

  #take(msgid: string): Pending | undefined {
    const pending = this.#pending.get(msgid);
    pending?.cancelTimer();
    this.#pending.delete(msgid);
    return pending;
  }
}
