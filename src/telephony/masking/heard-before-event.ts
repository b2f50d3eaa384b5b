import { SAMPLE_RATE_HZ } from '../../dtmf/level.ts';

const FRAME_MS = 20;
const FRAME_SAMPLES = (SAMPLE_RATE_HZ / 1000) * FRAME_MS;

/** FreeSWITCH reads bytes of 0xFF where it has received nothing, and for as long as an event lasts (measured). */
const NOTHING_RECEIVED = -1;
/** The two repeated end packets (RFC 4733 section 2.5.1.4) take their frames, too: 140 ms for a press of 100 ms. */
const END_FRAMES = 2;
/** The digit's own frame may come one audio frame late. */
const LATE_FRAMES = 1;
/** 60 ms: the longest lead that is seen of gateways. */
const LEAD_FRAMES = 3;

/**
 * Whether the audio right before a digit event was received: `samples` end where the event's frame came. A tone lead
 * is one to three packets. When one of them is lost there is no tone to be found, and still the next lead will sound:
 * what was not received proves nothing.
 */
export function wasHeardBeforeEvent(samples: Int16Array, pressMs: number): boolean {
  const eventFrames = Math.ceil(pressMs / FRAME_MS);
  const eventFrom = samples.length - (eventFrames + END_FRAMES + LATE_FRAMES) * FRAME_SAMPLES;
  const event = firstGap(samples, Math.max(0, eventFrom));
  const leadEnd = event?.start ?? eventFrom;
  // From its own beginning, since right before the lead there may be the end of the key before.
  const lead = samples.subarray(Math.max(0, leadEnd - LEAD_FRAMES * FRAME_SAMPLES), Math.max(0, leadEnd));
  if (firstGap(lead, 0) !== undefined) return false;
  if (event === undefined) return true; // this source leaves no gap, so it has lost nothing
  // Longer than the event takes: something right before it is missing, and looks like a part of it.
  const frames = Math.round((event.end - event.start) / FRAME_SAMPLES);
  return frames === eventFrames || frames === eventFrames + END_FRAMES;
}

function firstGap(samples: Int16Array, from: number): { start: number; end: number } | undefined {
  let start = from;
  for (let at = from; at <= samples.length; at += 1) {
    if (at < samples.length && samples[at] === NOTHING_RECEIVED) continue;
    if (at - start >= FRAME_SAMPLES) return { start, end: at };
    start = at + 1;
  }
  return undefined;
}
