import { afterEach, describe, expect, it } from 'vitest';
import type { Impairments, KeyingOptions } from '../../../../simulators/jambonz/media/contract.ts';
import { keyCodes, seededRandom } from '../../../../simulators/audio/tones.ts';
import { CallerEar } from '../../../../src/telephony/masking/caller-ear.ts';
import { answeredCall, keyAll, type Call } from '../../simulators/media/call.ts';

/** Published numbers in which most digits repeat the one before. */
const NUMBERS = ['5555555555554444#', '4000000000000002#', '4111111111111111#'];
const JITTER: Impairments = { jitterMs: 40 };
const LOSS: Impairments = { packetLoss: 0.05 };

const KEYS = '0123456789*#';

interface Heard {
  readonly keys: string;
  /** What the phone was taken for, in order; a tone that is a key counts as `tone`. */
  readonly showed: readonly string[];
}

let call: Call;
afterEach(() => call.clock.assertClosedIdle());

/** When what is sent at a time arrives: in order, and all at once at the end of a stall of up to `longestMs`. */
function stallingWay(longestMs: number, seed: number): (sentMs: number) => number {
  const random = seededRandom(seed);
  let [fromMs, toMs, arrivedMs] = [0, 0, 0];
  return (sentMs) => {
    while (toMs <= sentMs) {
      fromMs = Math.max(toMs, sentMs) + 300 + random() * 600;
      toMs = fromMs + 1 + random() * longestMs;
    }
    arrivedMs = Math.max(arrivedMs, sentMs >= fromMs ? toMs : sentMs);
    return arrivedMs;
  };
}

/** What an ear makes of a caller who keys, by a clock that has no stalls but those of `way`. */
async function hear(
  keys: string,
  keying: KeyingOptions,
  impairments: Impairments | undefined,
  seed: number,
  way: (sentMs: number) => number = (sentMs) => sentMs,
): Promise<Heard> {
  call = await answeredCall({ seed, ...(impairments && { caller: { impairments } }) });
  const { clock, media, caller, callerLeg } = call;
  const heard: number[] = [];
  const showed: string[] = [];
  let nowMs = 0;
  const ear = new CallerEar(
    {
      now: () => new Date(nowMs),
      monotonicMs: () => nowMs,
      after: () => ({ cancel: () => undefined }),
    },
    'unknown',
    {
      key: (key) => heard.push(key),
      energy: () => undefined,
      toneDigit: () => showed.push('tone'),
      showed: (transport) => showed.push(transport),
    },
  );
  callerLeg.fork({
    mixType: 'mono',
    onAudio: (frame) => {
      nowMs = way(clock.now());
      const samples = Uint8Array.from(frame).buffer;
      ear.audio(new Int16Array(samples, 0, frame.length / Int16Array.BYTES_PER_ELEMENT));
    },
    onKey: ({ dtmf, duration }) => {
      nowMs = way(clock.now());
      ear.keyEvent(keyCodes(dtmf)[0] ?? 0, Number(duration) / 8);
    },
  });
  await clock.advance(600);
  await keyAll(clock, caller, keys, keying);
  await clock.advance(600);
  await media.close();
  return { keys: heard.map((key) => KEYS.charAt(key)).join(''), showed };
}

describe('the ear of a caller', () => {
  it.each<[string, KeyingOptions, Impairments?]>([
    ['end packets with audio between them', { transport: 'rfc4733', spacedEndPackets: true }],
    ['the same, short keys', { transport: 'rfc4733', onMs: 60, offMs: 80, spacedEndPackets: true }],
    ['the same, jitter', { transport: 'rfc4733', spacedEndPackets: true }, JITTER],
    ['rfc4733, jitter', { transport: 'rfc4733', onMs: 80, offMs: 60 }, JITTER],
    ['info, jitter', { transport: 'info', onMs: 80, offMs: 60 }, JITTER],
    ['tones, jitter', { transport: 'tones', onMs: 80, offMs: 60 }, JITTER],
    ['bleed, jitter', { transport: 'bleed', toneLeadMs: 20 }, JITTER],
    ['fast rfc4733', { transport: 'rfc4733', onMs: 40, offMs: 40 }],
    ['fast info', { transport: 'info', onMs: 40, offMs: 40 }],
    ['fast tones', { transport: 'tones', onMs: 40, offMs: 40 }],
    ['rfc4733, loss', { transport: 'rfc4733', onMs: 100, offMs: 80 }, LOSS],
  ])('makes each press one key: %s', async (_, keying, impairments) => {
    for (const [index, keys] of NUMBERS.entries()) {
      const heard = await hear(keys, keying, impairments, 100 + index);
      expect(heard.keys).toBe(keys);
    }
  });

  it.each<[string, KeyingOptions, Impairments?]>([
    ['end packets with audio between them', { transport: 'rfc4733', spacedEndPackets: true }],
    ['the same, jitter', { transport: 'rfc4733', spacedEndPackets: true }, JITTER],
    ['rfc4733', { transport: 'rfc4733', onMs: 80, offMs: 60 }],
    ['rfc4733, jitter', { transport: 'rfc4733', onMs: 100, offMs: 60 }, JITTER],
    ['fast rfc4733', { transport: 'rfc4733', onMs: 40, offMs: 40 }],
    ['bleed, jitter', { transport: 'bleed', toneLeadMs: 20 }, JITTER],
    ['tones', { transport: 'tones', onMs: 80, offMs: 60 }],
  ])('does so when all is held up for up to 400 ms now and then: %s', async (_, keying, impairments) => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const keys = NUMBERS[seed % NUMBERS.length] ?? '';
      expect((await hear(keys, keying, impairments, seed, stallingWay(400, seed))).keys).toBe(keys);
    }
  });

  it('trusts no phone whose first lead was lost', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const { showed } = await hear('4012', { transport: 'bleed', offMs: 80, toneLeadMs: 20 }, LOSS, seed);
      expect(showed).not.toContain('events');
    }
  });

  it('trusts a phone that sends events only, by its first key', async () => {
    for (const transport of ['rfc4733', 'info'] as const) {
      expect((await hear('4', { transport }, undefined, 1)).showed).toEqual(['events']);
    }
  });
});
