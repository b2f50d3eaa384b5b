import type { KeyMerger } from '../../../src/dtmf/key-merger.ts';

/** A text frame of a listen websocket, by the time that it was sent. */
export interface SentEvent {
  readonly key: number;
  readonly sentMs: number;
  readonly durationMs: number;
}

/** What the tone detector makes of the audio, by positions in the audio. */
export interface HeardTone {
  readonly key: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Line {
  /** From the sender's zero to the first audio frame. */
  readonly framePhaseMs?: number;
  /** From sending to arrival, at least. */
  readonly delayMs?: number;
  /** Up to so much more for each frame, by turns of `random`. */
  readonly jitterMs?: number;
  readonly random?: () => number;
  /** Whatever is sent from `fromMs` on arrives at `toMs` at the earliest. */
  readonly stalls?: readonly { readonly fromMs: number; readonly toMs: number }[];
}

const FRAME_MS = 20;
/** The detector confirms a key 40 ms after it begins and reports its end 45 ms after it. */
const CONFIRMED_AFTER_MS = 40;
const ENDED_AFTER_MS = 45;

/**
 * Plays a listen stream into a merger as the application receives it: an audio frame every 20 ms and the events
 * between them, in the order of sending, later when the line stalls but never out of order. The detector speaks with
 * the audio frame that decides. Lasts from `fromMs` (2 s before zero unless told) to a second after the last event or tone.
 */
export function play(
  merger: KeyMerger,
  events: readonly SentEvent[],
  tones: readonly HeardTone[] = [],
  line: Line = {},
): void {
  const { framePhaseMs = 0, delayMs = 3, jitterMs = 0, random = Math.random, stalls = [] } = line;
  const lastMs = Math.max(0, ...events.map(({ sentMs }) => sentMs), ...tones.map(({ endMs }) => endMs));
  const firstFrameMs = framePhaseMs - 2000;
  const frames: { readonly sentMs: number; readonly event?: SentEvent }[] = [];
  for (let sentMs = firstFrameMs; sentMs <= lastMs + 1000; sentMs += FRAME_MS) frames.push({ sentMs });
  for (const event of events) frames.push({ sentMs: event.sentMs, event });
  frames.sort((one, other) => one.sentMs - other.sentMs);

  const positionAt = (ms: number): number => Math.round((ms - firstFrameMs + FRAME_MS) * 8);
  const spoken = tones
    .flatMap((tone) => {
      const [start, end] = [positionAt(tone.startMs), positionAt(tone.endMs)];
      return [
        {
          at: positionAt(Math.min(tone.startMs + CONFIRMED_AFTER_MS, tone.endMs)),
          say: () => merger.keyDown(tone.key, start),
        },
        { at: positionAt(tone.endMs + ENDED_AFTER_MS), say: () => merger.keyUp(tone.key, start, end) },
      ];
    })
    .sort((one, other) => one.at - other.at);

  let position = 0;
  let arrivedMs = -Infinity;
  for (const { sentMs, event } of frames) {
    let atMs = sentMs + delayMs + random() * jitterMs;
    for (const { fromMs, toMs } of stalls) if (atMs >= fromMs && atMs < toMs) atMs = toMs;
    arrivedMs = Math.max(arrivedMs, atMs);
    if (event !== undefined) {
      merger.event(event.key, event.durationMs * 8, position, arrivedMs);
      continue;
    }
    position += FRAME_MS * 8;
    while (spoken[0] !== undefined && spoken[0].at <= position) spoken.shift()?.say();
    merger.audio(position, arrivedMs);
  }
}
