import { keyCodes, keyTone, samplesOf } from '../audio/tones.ts';
import type { KeyingOptions } from '../jambonz/media/contract.ts';
import { FRAME_MS, FRAME_SAMPLES, SAMPLES_PER_MS } from '../jambonz/media/media-unit.ts';

/** RFC 4733 § 2.5.1.4: three packets with the end bit. */
const END_REPEATS = 2;

/** Typical of a phone: the column a little louder, since lines weaken high frequencies more. */
const TONE_LEVELS = { lowDbm0: -8, highDbm0: -6 };

/** An RFC 4733 packet within a programme. */
export interface KeyingEvent {
  readonly event: number;
  /** The programme's tick at which the event began: its timestamp. */
  readonly startTick: number;
  readonly marker: boolean;
  readonly end: boolean;
  /** 8 kHz units. */
  readonly duration: number;
}

/** What a phone sends in one tick of keying. Speech is never part of it. */
export interface KeyingTick {
  /** These take the place of audio. */
  readonly events: readonly KeyingEvent[];
  /** Audible on top of the background noise. */
  readonly tone?: Int16Array;
  /** A SIP INFO leaves at the beginning of this tick. */
  readonly info?: { readonly event: number; readonly durationMs: number };
  /** Audio is sent as well as events. */
  readonly audio: boolean;
}

/** Times are ms after the programme's beginning. */
export interface KeyingPress {
  readonly key: string;
  readonly startMs: number;
  readonly endMs: number;
}

export interface KeyingProgram {
  readonly ticks: readonly KeyingTick[];
  readonly presses: readonly KeyingPress[];
}

const QUIET: KeyingTick = { events: [], audio: true };

/**
 * What a phone sends for a row of keys. Tones are exact to the sample; events and INFO last whole frames, as phones
 * make them. Throws RangeError for a key or a time that a phone does not have.
 */
export function compileKeying(digits: string, options: KeyingOptions): KeyingProgram {
  const { transport, onMs = 100, offMs = 100, toneLeadMs = 30, spacedEndPackets = false } = options;
  requireRange('onMs', onMs, 20, 5_000);
  requireRange('offMs', offMs, 20, 60_000);
  requireRange('toneLeadMs', toneLeadMs, 10, 60);
  if (transport === 'tones') return compileTones(digits, onMs, offMs);

  const frames = Math.ceil(onMs / FRAME_MS);
  const pause = Math.ceil(offMs / FRAME_MS);
  if (spacedEndPackets && pause < 2 * END_REPEATS)
    throw new RangeError('spaced end packets need a pause of 80 ms');
  const ticks: KeyingTick[] = [];
  const presses: KeyingPress[] = [];
  for (const [index, event] of keyCodes(digits).entries()) {
    const startMs = pushLead(ticks, event, transport === 'bleed' ? toneLeadMs : 0);
    const startTick = ticks.length;
    presses.push({ key: digits.charAt(index), startMs, endMs: (startTick + frames) * FRAME_MS });
    if (transport === 'info') {
      ticks.push({ ...QUIET, info: { event, durationMs: frames * FRAME_MS } });
      for (let tick = 1; tick < frames + pause; tick++) ticks.push(QUIET);
    } else {
      ticks.push(
        ...eventTicks(event, startTick, frames),
        ...pauseTicks(event, startTick, frames, pause, spacedEndPackets),
      );
    }
  }
  return { ticks, presses };
}

/** The audible beginning of a key that a gateway lets through; it ends where the event begins. Returns its start. */
function pushLead(ticks: KeyingTick[], event: number, leadMs: number): number {
  const frames = Math.ceil(leadMs / FRAME_MS);
  const startMs = (ticks.length + frames) * FRAME_MS - leadMs;
  const audible = new Int16Array(frames * FRAME_SAMPLES);
  // A gateway cuts the tone off: no ramp.
  const lead = keyTone(event, { ...TONE_LEVELS, durationMs: leadMs, rampMs: 0 });
  audible.set(lead, audible.length - lead.length);
  for (let frame = 0; frame < frames; frame++) ticks.push({ ...QUIET, tone: frameOf(audible, frame) });
  return startMs;
}

function eventTicks(event: number, startTick: number, frames: number): KeyingTick[] {
  return Array.from({ length: frames }, (_, frame) => ({
    events: [packet(event, startTick, frame + 1, frame === 0, frame === frames - 1)],
    audio: false,
  }));
}

/** The end packet is repeated twice, 20 ms apart when the pause is long enough. */
function pauseTicks(
  event: number,
  startTick: number,
  frames: number,
  pause: number,
  spaced: boolean,
): KeyingTick[] {
  const repeat = packet(event, startTick, frames, false, true);
  const once: KeyingTick = { events: [repeat], audio: false };
  if (spaced) {
    const repeats = Array.from({ length: END_REPEATS }, () => [QUIET, once]).flat();
    return [...repeats, ...Array.from({ length: pause - repeats.length }, () => QUIET)];
  }
  if (pause < END_REPEATS)
    return [{ events: Array.from({ length: END_REPEATS }, () => repeat), audio: false }];
  return [once, once, ...Array.from({ length: pause - END_REPEATS }, () => QUIET)];
}

function packet(
  event: number,
  startTick: number,
  frames: number,
  marker: boolean,
  end: boolean,
): KeyingEvent {
  return { event, startTick, marker, end, duration: frames * FRAME_SAMPLES };
}

function compileTones(digits: string, onMs: number, offMs: number): KeyingProgram {
  const events = keyCodes(digits);
  const on = samplesOf(onMs);
  const period = on + samplesOf(offMs);
  const frames = Math.ceil((events.length * period) / FRAME_SAMPLES);
  const audible = new Int16Array(frames * FRAME_SAMPLES);
  for (const [index, event] of events.entries()) {
    audible.set(keyTone(event, { ...TONE_LEVELS, durationMs: onMs }), index * period);
  }
  return {
    ticks: Array.from({ length: frames }, (_, frame) => ({ ...QUIET, tone: frameOf(audible, frame) })),
    presses: events.map((_, index) => ({
      key: digits.charAt(index),
      startMs: (index * period) / SAMPLES_PER_MS,
      endMs: (index * period + on) / SAMPLES_PER_MS,
    })),
  };
}

function frameOf(samples: Int16Array, frame: number): Int16Array {
  return samples.subarray(frame * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES);
}

function requireRange(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) throw new RangeError(`${name} must be from ${least} to ${most}`);
}
