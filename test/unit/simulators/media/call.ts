import type {
  KeyingOptions,
  Media,
  MediaLeg,
  OutboundLeg,
  Phone,
  PhoneOptions,
} from '../../../../simulators/jambonz/media/contract.ts';
import { createInProcessMedia } from '../../../../simulators/jambonz/media/in-process-media.ts';
import { callerSpeech, agentSpeech } from '../../../../simulators/audio/speech.ts';
import { ManualClock } from './manual-clock.ts';

export interface Call {
  readonly clock: ManualClock;
  readonly media: Media;
  readonly caller: Phone;
  readonly agent: Phone;
  readonly callerLeg: MediaLeg;
  readonly agentLeg: OutboundLeg;
  /** What each phone told FreeSWITCH. */
  readonly hungUp: string[];
}

/** A caller and an agent, both legs answered, neither bridged nor in a conference. */
export async function answeredCall(
  options: { caller?: Partial<PhoneOptions>; agent?: Partial<PhoneOptions>; seed?: number } = {},
): Promise<Call> {
  const clock = new ManualClock();
  const media = createInProcessMedia({ clock, seed: options.seed ?? 7 });
  const caller = media.createPhone({ number: '15551112222', speech: callerSpeech(), ...options.caller });
  const agent = media.createPhone({ number: '2000', speech: agentSpeech(), ...options.agent });
  const hungUp: string[] = [];
  const callerLeg = await media.inbound(caller, () => hungUp.push('caller'));
  await callerLeg.answer();
  const agentLeg = await media.outbound(agent, {
    timeoutMs: 5_000,
    ringing: () => undefined,
    onHangUp: () => hungUp.push('agent'),
  });
  await clock.advance(200);
  return { clock, media, caller, agent, callerLeg, agentLeg, hungUp };
}

/** Keys and lets the time pass that it takes. */
export async function keyAll(clock: ManualClock, phone: Phone, digits: string, options: KeyingOptions) {
  const keyed = phone.key(digits, options);
  const period = (options.onMs ?? 100) + (options.offMs ?? 100) + (options.toneLeadMs ?? 30) + 40;
  await clock.advance(digits.length * period + 400);
  return keyed;
}

/** What was heard between two moments. */
export function heardBetween(phone: Phone, fromMs: number, toMs: number): Int16Array {
  const { samples, startedAtMs } = phone.heard();
  return samples.slice(
    Math.max(0, Math.round((fromMs - startedAtMs) * 8)),
    Math.round((toMs - startedAtMs) * 8),
  );
}
