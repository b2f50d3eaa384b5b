import type { Route } from '../contract.ts';

/** A jambonz verb: its name and its properties. */
export type Verb = Readonly<Record<string, unknown>> & { readonly verb: string };

/** The name of the dial verb's `actionHook`: it fires when the agent leg is over, whoever ended it. */
export const DIAL_DONE_HOOK = '/dial-done';

/** What a route's recording runs with, whatever `action` its configuration may carry. */
export function startRecording(recording: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...recording, action: 'startCallRecording' };
}

function recordingVerbs(route: Route): Verb[] {
  if (route.recording === undefined) return [];
  return [{ verb: 'answer' }, { verb: 'config', record: startRecording(route.recording) }];
}

/**
 * The bridge with a dial. `anchorMedia` keeps the media in FreeSWITCH: without it jambonz releases the media after
 * 200 ms and no digit is ever heard. A call that is recorded must be answered first, so its caller hears the agent
 * ring as audio.
 */
export function dialVerbs(route: Route, from: string, timeoutSeconds: number): Verb[] {
  return [
    ...recordingVerbs(route),
    {
      verb: 'dial',
      ...(from !== '' && { callerId: from }),
      answerOnBridge: true,
      anchorMedia: true,
      timeout: timeoutSeconds,
      actionHook: DIAL_DONE_HOOK,
      target: [route.target],
    },
  ];
}

/** The caller's side of the conference. `endConferenceOnExit` only evicts: `hangup` then releases the leg. */
export function callerConferenceVerbs(route: Route, conferenceName: string): Verb[] {
  const answer: Verb[] = route.recording === undefined ? [{ verb: 'answer' }] : recordingVerbs(route);
  return [...answer, ...conferenceVerbs(conferenceName, 'caller')];
}

/** The agent's side. Without `distributeDtmf` no digit event reaches another member. */
export function agentConferenceVerbs(conferenceName: string): Verb[] {
  return conferenceVerbs(conferenceName, 'agent');
}

function conferenceVerbs(name: string, memberTag: 'caller' | 'agent'): Verb[] {
  return [{ verb: 'conference', name, memberTag, endConferenceOnExit: true }, { verb: 'hangup' }];
}

/** Before the answer `hangup` sends no final response; after it `sip:decline` is ignored. */
export function refuseCaller(answered: boolean, status: 404 | 480 | 486 | 500): Verb[] {
  return answered ? [{ verb: 'hangup' }] : [{ verb: 'sip:decline', status, reason: DECLINE_REASONS[status] }];
}

const DECLINE_REASONS = {
  404: 'Not Found',
  480: 'Temporarily Unavailable',
  486: 'Busy Here',
  500: 'Server Internal Error',
} as const;
