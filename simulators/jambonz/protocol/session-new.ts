import type { MediaLeg } from '../media/contract.ts';
import { type CallInfo, FEATURE_SERVER_SIP_ADDRESS, TRACE_ID } from './call-info.ts';
import type { Identities } from './identities.ts';
import type { JsonObject } from './json.ts';

const SBC_ADDRESS = '127.0.2.20';
const CALLER_NAME = '"Test Caller"';
export const CARRIER_ADDRESS = '127.0.1.10';
export const CARRIER_NAME = 'carrier-in';

/** The INVITE as the feature server got it from sbc-inbound. */
function invite(info: CallInfo, leg: MediaLeg, identities: Identities): JsonObject {
  const { from, to } = info.identity;
  const uri = `sip:${to}@${FEATURE_SERVER_SIP_ADDRESS}`;
  const headers: Record<string, string> = {
    via: `SIP/2.0/UDP ${SBC_ADDRESS};rport=5060;branch=z9hG4bK${identities.hex(13)}`,
    'max-forwards': '70',
    from: `${CALLER_NAME} <sip:${from}@${SBC_ADDRESS}:5060>;tag=${leg.fromTag}`,
    to: `<sip:${to}@127.0.1.20:5060>`,
    'call-id': leg.sipCallId,
    cseq: '123088064 INVITE',
    contact: `<sip:${SBC_ADDRESS}:5060>`,
    'user-agent': 'jbtest',
    'content-type': 'application/sdp',
    'content-length': String(Buffer.byteLength(leg.sdp)),
    'X-Account-Sid': identities.accountSid,
    'X-CID': leg.sbcCallId,
    'X-Forwarded-For': CARRIER_ADDRESS,
    'X-Originating-Carrier': CARRIER_NAME,
    'X-Voip-Carrier-Sid': identities.carrierSid,
    'X-Application-Sid': identities.applicationSid,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return {
    headers,
    raw: [`INVITE ${uri} SIP/2.0`, ...lines, '', leg.sdp].join('\r\n'),
    body: leg.sdp,
    method: 'INVITE',
    version: '2.0',
    uri,
    payload: [{ type: 'application/sdp', content: leg.sdp }],
  };
}

/** `session:new` of a call that came in. A `session:reconnect` carries it again, unchanged. */
export function inboundSessionNew(
  info: CallInfo,
  leg: MediaLeg,
  identities: Identities,
  hasRecording: boolean,
): JsonObject {
  return {
    sip: invite(info, leg, identities),
    direction: 'inbound',
    trace_id: TRACE_ID,
    has_recording: hasRecording,
    caller_name: CALLER_NAME,
    call_sid: info.callSid,
    account_sid: identities.accountSid,
    application_sid: identities.applicationSid,
    from: info.identity.from,
    to: info.identity.to,
    call_id: leg.sipCallId,
    sip_status: 100,
    sip_reason: 'Trying',
    call_status: 'trying',
    sbc_callid: leg.sbcCallId,
    originating_sip_ip: CARRIER_ADDRESS,
    originating_sip_trunk_name: CARRIER_NAME,
    local_sip_address: FEATURE_SERVER_SIP_ADDRESS,
    service_provider_sid: identities.serviceProviderSid,
    defaults: {
      synthesizer: { vendor: 'google', language: 'en-US', voice: 'en-US-Standard-C' },
      recognizer: { vendor: 'google', language: 'en-US' },
    },
  };
}

/** `session:new` of a leg made by the `dial` command: sent once it has answered. */
export function outboundSessionNew(info: CallInfo): JsonObject {
  return { ...info.snakeCase(), defaults: { synthesizer: {}, recognizer: {} } };
}
