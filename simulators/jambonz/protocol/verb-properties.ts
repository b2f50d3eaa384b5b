import { isObject } from './json.ts';

/** What a property may hold. `hook` is a URL or an object with one; `list` an array; `text-list` text or an array. */
type Kind = 'text' | 'number' | 'number-text' | 'flag' | 'object' | 'list' | 'hook' | 'text-list';

export interface VerbShape {
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, Kind>>;
}

const prompt = { loop: 'number-text', earlyMedia: 'flag' } as const;

/**
 * The verbs that the simulator knows, and their properties as jambonz checks them (its verb specifications).
 * A verb with an unknown or wrong property is invalid.
 */
export const verbShapes: Readonly<Record<string, VerbShape>> = {
  answer: { required: [], properties: {} },
  say: {
    required: [],
    properties: {
      ...prompt,
      text: 'text-list',
      instructions: 'text',
      stream: 'flag',
      synthesizer: 'object',
      disableTtsCache: 'flag',
      closeStreamOnEmpty: 'flag',
    },
  },
  play: {
    required: ['url'],
    properties: {
      ...prompt,
      url: 'text-list',
      seekOffset: 'number-text',
      timeoutSecs: 'number-text',
      actionHook: 'hook',
    },
  },
  pause: { required: ['length'], properties: { length: 'number' } },
  gather: {
    required: [],
    properties: {
      actionHook: 'hook',
      finishOnKey: 'text',
      input: 'list',
      numDigits: 'number',
      minDigits: 'number',
      maxDigits: 'number',
      interDigitTimeout: 'number',
      partialResultHook: 'hook',
      speechTimeout: 'number',
      listenDuringPrompt: 'flag',
      dtmfBargein: 'flag',
      bargein: 'flag',
      minBargeinWordCount: 'number',
      timeout: 'number',
      recognizer: 'object',
      play: 'object',
      say: 'object',
      fillerNoise: 'object',
      actionHookDelayAction: 'object',
    },
  },
  dial: {
    required: ['target'],
    properties: {
      actionHook: 'hook',
      onHoldHook: 'hook',
      answerOnBridge: 'flag',
      callerId: 'text',
      callerName: 'text',
      confirmHook: 'hook',
      referHook: 'hook',
      dialMusic: 'text',
      dtmfCapture: 'object',
      dtmfHook: 'hook',
      headers: 'object',
      anchorMedia: 'flag',
      exitMediaPath: 'flag',
      boostAudioSignal: 'number-text',
      listen: 'object',
      stream: 'object',
      target: 'list',
      timeLimit: 'number',
      timeout: 'number',
      proxy: 'text',
      transcribe: 'object',
      amd: 'object',
      dub: 'list',
      tag: 'object',
      forwardPAI: 'flag',
    },
  },
  conference: {
    required: ['name'],
    properties: {
      name: 'text',
      beep: 'flag',
      memberTag: 'text',
      speakOnlyTo: 'text',
      startConferenceOnEnter: 'flag',
      endConferenceOnExit: 'flag',
      endConferenceDuration: 'number',
      maxParticipants: 'number',
      joinMuted: 'flag',
      actionHook: 'hook',
      waitHook: 'hook',
      statusEvents: 'list',
      statusHook: 'hook',
      enterHook: 'hook',
      record: 'object',
      distributeDtmf: 'flag',
    },
  },
  config: {
    required: [],
    properties: {
      synthesizer: 'object',
      recognizer: 'object',
      bargeIn: 'object',
      ttsStream: 'object',
      record: 'object',
      listen: 'object',
      stream: 'object',
      transcribe: 'object',
      amd: 'object',
      fillerNoise: 'object',
      notifyEvents: 'flag',
      notifySttLatency: 'flag',
      reset: 'text-list',
      onHoldMusic: 'text',
      actionHookDelayAction: 'object',
      sipRequestWithinDialogHook: 'hook',
      boostAudioSignal: 'number-text',
      vad: 'object',
      referHook: 'hook',
      earlyMedia: 'flag',
      autoStreamTts: 'flag',
      disableTtsCache: 'flag',
    },
  },
  hangup: { required: [], properties: { headers: 'object' } },
  redirect: { required: ['actionHook'], properties: { actionHook: 'hook', statusHook: 'hook' } },
  'sip:decline': {
    required: ['status'],
    properties: { status: 'number', reason: 'text', headers: 'object' },
  },
  tag: { required: ['data'], properties: { data: 'object' } },
};

const isText = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number';

const checks: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: isText,
  number: isNumber,
  'number-text': (value) => isText(value) || isNumber(value),
  flag: (value) => typeof value === 'boolean',
  object: isObject,
  list: Array.isArray,
  hook: (value) => isText(value) || isObject(value),
  'text-list': (value) => isText(value) || Array.isArray(value),
};

export function isOfKind(value: unknown, kind: Kind): boolean {
  return checks[kind](value);
}
