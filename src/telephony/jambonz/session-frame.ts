/** Frames of jambonz's control websocket, checked before any other code sees them. */

/** The largest session:new seen is 4 KiB; a whole INVITE with long headers stays far below this. */
export const LARGEST_SESSION_FRAME_BYTES = 256 * 1024;

/** The only types that are passed on. Others are valid jambonz traffic that nothing here asked for. */
const PASSED_TYPES: ReadonlySet<string> = new Set([
  'session:new',
  'session:reconnect',
  'session:redirect',
  'call:status',
  'verb:hook',
]);

/** The values that are passed on. What is not listed (the INVITE, custom headers) never leaves this file. */
const PASSED_VALUES = [
  'call_sid',
  'parent_call_sid',
  'direction',
  'from',
  'to',
  'call_id',
  'sbc_callid',
  'sip_status',
  'call_status',
  'call_termination_by',
  'has_recording',
  'dial_call_status',
  'event',
] as const;

/** No name, number or identifier of jambonz is longer. */
const LONGEST_VALUE = 512;

export interface SessionFrame {
  readonly type: string;
  readonly msgid: string;
  readonly callSid?: string;
  readonly hook?: string;
  readonly data: Readonly<Record<string, string | number | boolean>>;
}

export type FrameProblem = 'binary' | 'too_large' | 'not_json' | 'no_type_or_msgid' | 'no_call';

export type CheckedFrame =
  | { readonly verdict: 'pass'; readonly frame: SessionFrame }
  | { readonly verdict: 'ignore' }
  | { readonly verdict: 'refuse'; readonly problem: FrameProblem };

const refuse = (problem: FrameProblem): CheckedFrame => ({ verdict: 'refuse', problem });

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function passedValues(data: unknown): Record<string, string | number | boolean> {
  const passed: Record<string, string | number | boolean> = {};
  if (!isRecord(data)) return passed;
  for (const name of PASSED_VALUES) {
    const value = data[name];
    if (typeof value === 'number' || typeof value === 'boolean') passed[name] = value;
    if (typeof value === 'string' && value.length <= LONGEST_VALUE) passed[name] = value;
  }
  return passed;
}

/** Never throws, whatever the frame holds. */
export function checkSessionFrame(data: Buffer, isBinary: boolean): CheckedFrame {
  if (isBinary) return refuse('binary');
  if (data.length > LARGEST_SESSION_FRAME_BYTES) return refuse('too_large');
  let message: unknown;
  try {
    message = JSON.parse(data.toString('utf8'));
  } catch {
    return refuse('not_json');
  }
  if (!isRecord(message)) return refuse('no_type_or_msgid');
  const { type, msgid } = message;
  if (typeof type !== 'string' || type === '' || typeof msgid !== 'string' || msgid === '') {
    return refuse('no_type_or_msgid');
  }
  if (!PASSED_TYPES.has(type)) return { verdict: 'ignore' };
  const values = passedValues(message['data']);
  const callSid = typeof message['call_sid'] === 'string' ? message['call_sid'] : undefined;
  const opensSession = type === 'session:new' || type === 'session:reconnect';
  if (opensSession && (callSid === undefined || callSid === '' || !isRecord(message['data']))) {
    return refuse('no_call');
  }
  const hook = typeof message['hook'] === 'string' ? message['hook'] : undefined;
  return {
    verdict: 'pass',
    frame: {
      type,
      msgid,
      ...(callSid !== undefined && { callSid }),
      ...(hook !== undefined && { hook }),
      data: values,
    },
  };
}

/** The body of jambonz's http status hook, which has no frame around it. Undefined when it is no object. */
export function readStatusBody(body: unknown): SessionFrame | undefined {
  if (!isRecord(body)) return undefined;
  return { type: 'call:status', msgid: '', data: passedValues(body) };
}
