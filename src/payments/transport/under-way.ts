/** What a provider is doing, so that closing it waits for that. */
export class UnderWay {
  readonly #work = new Set<Promise<unknown>>();

  track<T>(work: Promise<T>): Promise<T> {
    this.#work.add(work);
    const forget = (): void => void this.#work.delete(work);
    work.then(forget, forget);
    return work;
  }

  /** Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#work);
  }
}
