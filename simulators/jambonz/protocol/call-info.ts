import { type JsonObject, snakeCase } from './json.ts';

export type CallStatus = 'trying' | 'ringing' | 'in-progress' | 'completed' | 'failed' | 'busy' | 'no-answer';

export interface CallIdentity {
  readonly callSid: string;
  readonly direction: 'inbound' | 'outbound';
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  /** Known at once for an inbound leg, from the first provisional answer for an outbound one. */
  readonly sbcCallid?: string;
  readonly callerId?: string;
  readonly accountSid: string;
  /** A leg made by the `dial` command belongs to no application. */
  readonly applicationSid?: string;
  readonly parentCallSid?: string;
  readonly originatingSipIp?: string;
  readonly originatingSipTrunkName?: string;
  readonly customerData?: JsonObject;
}

/** jambonz traces every call; the simulator does not. */
const NO_TRACE = '00000000000000000000000000000000';
export const NO_SPAN = `${NO_TRACE}-0000000000000000-1`;
export const FEATURE_SERVER_SIP_ADDRESS = '127.0.2.30:5060';
const API_BASE_URL = 'http://127.0.0.1:13002/v1';

/** What jambonz says about a leg in `call:status`, in every hook and (in camel case) on a listen socket. */
export class CallInfo {
  readonly identity: CallIdentity;
  callId: string;
  sbcCallid: string | undefined;
  customerData: JsonObject | undefined;
  status: CallStatus = 'trying';
  sipStatus = 100;
  sipReason = 'Trying';
  terminatedBy: 'caller' | 'jambonz' | undefined;
  durationSeconds: number | undefined;
  answeredAtMs: number | undefined;

  constructor(identity: CallIdentity) {
    this.identity = identity;
    this.callId = identity.callId;
    this.sbcCallid = identity.sbcCallid;
    this.customerData = identity.customerData;
  }

  get callSid(): string {
    return this.identity.callSid;
  }

  /** A missing reason leaves the former one, as jambonz does (603 with the reason `Trying`). */
  update(status: CallStatus, sipStatus: number, sipReason?: string): void {
    this.status = status;
    this.sipStatus = sipStatus;
    if (sipReason !== undefined) this.sipReason = sipReason;
    if (status === 'in-progress') this.answeredAtMs ??= performance.now();
  }

  complete(terminatedBy?: 'caller' | 'jambonz'): void {
    this.status = 'completed';
    this.terminatedBy = terminatedBy;
    this.durationSeconds = Math.floor((performance.now() - (this.answeredAtMs ?? performance.now())) / 1000);
  }

  camelCase(): JsonObject {
    const { identity } = this;
    const fields: [string, unknown][] = [
      ['callSid', identity.callSid],
      ['direction', identity.direction],
      ['from', identity.from],
      ['to', identity.to],
      ['callId', this.callId],
      ['sbcCallid', this.sbcCallid],
      ['sipStatus', this.sipStatus],
      ['sipReason', this.sipReason],
      ['callStatus', this.status],
      ['callerId', identity.callerId],
      ['accountSid', identity.accountSid],
      ['traceId', NO_TRACE],
      ['applicationSid', identity.applicationSid],
      ['fsSipAddress', FEATURE_SERVER_SIP_ADDRESS],
      ['parentCallSid', identity.parentCallSid],
      ['originatingSipIp', identity.originatingSipIp],
      ['originatingSipTrunkName', identity.originatingSipTrunkName],
      ['callTerminationBy', this.terminatedBy],
      ['duration', this.durationSeconds],
      ['customerData', this.customerData],
      ['apiBaseUrl', API_BASE_URL],
    ];
    return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  }

  snakeCase(): JsonObject {
    return snakeCase(this.camelCase());
  }
}

/** `session:new` of an inbound call spells the trace id too, outside of `CallInfo`. */
export const TRACE_ID = NO_TRACE;
