import { rmsDbfs } from '../audio/measure.ts';

const SAMPLES_PER_MS = 8;
const FRAME_MS = 20;
const FRAME_SAMPLES = FRAME_MS * SAMPLES_PER_MS;

/** A phone's line is never quieter than its background noise of −65 dBFS; what is masked is digital silence. */
const AUDIBLE_DBFS = -80;
/** People speak louder than this, at least now and then. */
const SPEECH_DBFS = -45;
/** While a phone sends a key as an event it sends no audio: 140 ms for a key of 100 ms. */
const SHORTEST_SILENCE_MS = 300;

/** `speech`: someone speaks; `line`: the line is open and nobody does; `nothing`: digital silence. */
export type Heard = 'speech' | 'line' | 'nothing';

/** What was heard for a while. Times are `performance.now()` ms. */
export interface Period {
  readonly heard: Heard;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a recording holds from `fromMs` on, as the fewest periods that tell silence from sound. */
export function periodsOf(
  recording: { readonly samples: Int16Array; readonly startedAtMs: number },
  fromMs: number,
): Period[] {
  const { samples, startedAtMs } = recording;
  const first = Math.max(0, Math.ceil((fromMs - startedAtMs) / FRAME_MS));
  const frames = Math.floor(samples.length / FRAME_SAMPLES);
  const timeOf = (frame: number): number => startedAtMs + frame * FRAME_MS;
  const periods: Period[] = [];
  for (const { audible, from, to } of runsOf(samples, first, frames)) {
    const heard = audible ? soundOf(samples, from, to) : 'nothing';
    periods.push({ heard, fromMs: timeOf(from), toMs: timeOf(to) });
  }
  return periods;
}

interface Run {
  readonly audible: boolean;
  readonly from: number;
  to: number;
}

/** Frames that are alike, with short silences between sounds left out. */
function runsOf(samples: Int16Array, first: number, frames: number): Run[] {
  const runs: Run[] = [];
  const extend = (audible: boolean, from: number, to: number): void => {
    const last = runs.at(-1);
    if (last?.audible === audible) last.to = to;
    else runs.push({ audible, from, to });
  };
  let frame = first;
  while (frame < frames) {
    const audible = isAudible(samples, frame);
    let end = frame + 1;
    while (end < frames && isAudible(samples, end) === audible) end += 1;
    const isGap = !audible && (end - frame) * FRAME_MS < SHORTEST_SILENCE_MS;
    extend(audible || (isGap && runs.length > 0), frame, end);
    frame = end;
  }
  return runs;
}

function isAudible(samples: Int16Array, frame: number): boolean {
  return rmsDbfs(samples, frame * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES) > AUDIBLE_DBFS;
}

function soundOf(samples: Int16Array, from: number, to: number): Heard {
  for (let frame = from; frame < to; frame += 1) {
    const level = rmsDbfs(samples, frame * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES);
    if (level > SPEECH_DBFS) return 'speech';
  }
  return 'line';
}
