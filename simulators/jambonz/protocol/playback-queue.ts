import type { MediaLeg } from '../media/contract.ts';
import { samplesOf } from './samples.ts';

/** Ten seconds of audio; what a stream sends beyond that is dropped. */
const MAX_QUEUED_BYTES = 10 * 16_000;

/** Audio that an application streams to a leg: played one chunk after the other. */
export class PlaybackQueue {
  readonly #leg: MediaLeg;
  #queued: Buffer[] = [];
  #queuedBytes = 0;
  #playing = false;

  constructor(leg: MediaLeg) {
    this.#leg = leg;
  }

  push(audio: Buffer): void {
    if (this.#queuedBytes + audio.length > MAX_QUEUED_BYTES) return;
    this.#queued.push(audio);
    this.#queuedBytes += audio.length;
    if (!this.#playing) void this.#play();
  }

  flush(): void {
    this.#queued = [];
    this.#queuedBytes = 0;
  }

  async #play(): Promise<void> {
    this.#playing = true;
    while (this.#queued.length > 0) {
      const audio = Buffer.concat(this.#queued);
      this.flush();
      await this.#leg.play(samplesOf(audio));
    }
    this.#playing = false;
  }
}
