/** Live events of one topic, to whoever listens in this process. A listener that throws does not stop the others. */
export class EventFeed<T> {
  readonly #listeners = new Map<string, Set<(event: T) => void>>();

  publish(topic: string, event: T): void {
    for (const listener of this.#listeners.get(topic) ?? []) {
      try {
        listener(event);
      } catch {
        // A listener is one client's stream: its fault ends with it.
        this.#remove(topic, listener);
      }
    }
  }

  /** Returns the way to stop listening, idempotent. */
  subscribe(topic: string, listener: (event: T) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(topic, listeners);
    return () => this.#remove(topic, listener);
  }

  /** How many listeners there are, on all topics. */
  get size(): number {
    let count = 0;
    for (const listeners of this.#listeners.values()) count += listeners.size;
    return count;
  }

  #remove(topic: string, listener: (event: T) => void): void {
    const listeners = this.#listeners.get(topic);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(topic);
  }
}
