import type { KeyCode } from './keypad.ts';

/** What a tone detector reports. Positions are samples since the first one. Handlers must not throw. */
export interface ToneListener {
  /**
   * Something like a DTMF pair began or ended. The beginning is reported within 20 ms of it, the end 40 ms after it.
   * Meant for closing a guard: it also speaks for tones that turn out to be no key, and now and then for a vowel.
   */
  toneEnergy(sounding: boolean, atSample: number): void;
  /** A key is certain; reported within 45 ms of its start. */
  keyDown(key: KeyCode, startSample: number): void;
  /** The same key has ended. Reported about 45 ms after its end: only then was it no drop-out. */
  keyUp(key: KeyCode, startSample: number, endSample: number): void;
}
