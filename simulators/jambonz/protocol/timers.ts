/** Timers of one simulator: all are gone after `close`, and whoever sleeps then wakes at once. */
export class Timers {
  readonly #pending = new Map<NodeJS.Timeout, () => void>();
  #closed = false;

  /** Runs `callback` after `delayMs`. Returns the cancellation. */
  after(delayMs: number, callback: () => void): () => void {
    return this.#schedule(delayMs, callback, () => undefined);
  }

  /** Resolves after `delayMs`, at once when `signal` is or gets aborted, or when the simulator closes. */
  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#schedule(delayMs, wake, wake);
      function wake(): void {
        signal?.removeEventListener('abort', abort);
        resolve();
      }
      function abort(): void {
        cancel();
        wake();
      }
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  close(): void {
    this.#closed = true;
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const [handle, onClose] of pending) {
      clearTimeout(handle);
      onClose();
    }
  }

  #schedule(delayMs: number, callback: () => void, onClose: () => void): () => void {
    if (this.#closed) {
      queueMicrotask(onClose);
      return () => undefined;
    }
    const handle = setTimeout(() => {
      this.#pending.delete(handle);
      callback();
    }, delayMs);
    this.#pending.set(handle, onClose);
    return () => {
      clearTimeout(handle);
      this.#pending.delete(handle);
    };
  }
}
