import type { KeyCode } from '../contract.ts';

/** What listening to one leg delivers, in the order in which the leg sent it. Handlers must not throw. */
export interface HearingSink {
  /** 8 kHz samples, valid during the call only: they are zeroed after it. */
  audio(samples: Int16Array): void;
  /** A digit event was reported, at its end. `pressMs` is how long the key was held. Duplicates are not removed. */
  key(key: KeyCode, pressMs: number): void;
  /** Nothing is heard any more; it is being mended. */
  lost(): void;
  /** Audio flows again after `lost`. */
  back(): void;
}

/** Listening to one leg. It mends itself after every loss until it is closed. */
export interface Hearing {
  /** Resolves when the first audio is there. It goes on trying until `close`, which rejects it with `not_heard`. */
  open(): Promise<void>;
  /** Listening off. Idempotent; resolves when nothing more will be delivered. */
  close(): Promise<void>;
}
