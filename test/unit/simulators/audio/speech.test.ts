import { describe, expect, it } from 'vitest';
import { loudestPairWindowDbfs, rmsDbfs } from '../../../../simulators/audio/measure.ts';
import { decodeWithMultimon, multimonInstalled } from '../../../../simulators/audio/multimon.ts';
import {
  agentSpeech,
  callerSpeech,
  espeakInstalled,
  speakWithEspeak,
} from '../../../../simulators/audio/speech.ts';
import { keyCodes, keying, silence } from '../../../../simulators/audio/tones.ts';

describe('recorded speech', () => {
  it.each([
    ['caller', callerSpeech],
    ['agent', agentSpeech],
  ] as const)('of the %s lasts 8 to 10 s at the level of a telephone', (_, speech) => {
    const samples = speech();
    expect(samples.length / 8_000).toBeGreaterThan(8);
    expect(samples.length / 8_000).toBeLessThan(10);
    expect(rmsDbfs(samples)).toBeGreaterThan(-26);
    expect(rmsDbfs(samples)).toBeLessThan(-16);
    expect(loudestPairWindowDbfs(samples)).toBeGreaterThan(-60);
  });

  it.skipIf(!espeakInstalled())('can be made from any text', async () => {
    const spoken = await speakWithEspeak('-v is no option here.');
    expect(spoken.length).toBeGreaterThan(4_000);
    expect(rmsDbfs(spoken)).toBeGreaterThan(-30);
  });
});

describe.skipIf(!multimonInstalled())('the independent decoder', () => {
  it('reads all 16 keys, and none in silence', async () => {
    expect((await decodeWithMultimon(keying(keyCodes('0123456789*#ABCD')))).join('')).toBe(
      '0123456789*#ABCD',
    );
    expect(await decodeWithMultimon(silence(500))).toEqual([]);
    expect(await decodeWithMultimon(new Int16Array(0))).toEqual([]);
  });
});
