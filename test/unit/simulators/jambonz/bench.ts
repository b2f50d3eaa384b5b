import { afterEach } from 'vitest';
import {
  type CallOptions,
  type JambonzSimulator,
  type JambonzSimulatorOptions,
  type SimulatedCall,
  startJambonzSimulator,
} from '../../../../simulators/jambonz/simulator.ts';
import { FakeMedia } from './fake-media.ts';
import { kindOf, TestApplication } from './test-application.ts';

export interface Bench {
  readonly application: TestApplication;
  readonly simulator: JambonzSimulator;
  readonly media: FakeMedia;
  readonly call: (options?: Partial<CallOptions>) => SimulatedCall;
}

const open: { close(): Promise<void> }[] = [];

/** An application, a simulated jambonz that calls it, and media without media. All gone after the test. */
export async function startBench(options: Partial<JambonzSimulatorOptions> = {}): Promise<Bench> {
  const application = await TestApplication.start();
  const media = new FakeMedia();
  const simulator = startJambonzSimulator({ applicationUrl: application.url(), media, seed: 7, ...options });
  open.push(simulator, application);
  return {
    application,
    simulator,
    media,
    call: (call = {}) =>
      simulator.placeCall({
        from: '15551112222',
        to: '15083084809',
        caller: { number: '15551112222' },
        agent: { number: '2000' },
        ...call,
      }),
  };
}

export function closeBenches(): void {
  afterEach(async () => {
    for (const closable of open.splice(0)) await closable.close();
  });
}

/** The messages of the call's own sockets, without listen and http, as `> session:new`, `< ack`, `< command dial`. */
export function story(call: SimulatedCall, socket: 'caller' | 'agent' = 'caller'): string[] {
  return call.messages
    .filter((entry) => entry.socket === socket)
    .map(({ direction, message }) => {
      if (direction === 'jambonz->app') return `> ${kindOf(message)}`;
      return message['type'] === 'command' ? `< command ${String(message['command'])}` : '< ack';
    });
}

export const dialAgent = {
  verb: 'dial',
  callerId: '15551112222',
  answerOnBridge: true,
  anchorMedia: true,
  timeout: 20,
  actionHook: '/dialdone',
  target: [{ type: 'phone', number: '2000', trunk: 'agents' }],
};

/** The keys of `call:status` and of every hook, as recorded. */
export const callerKeys = [
  'call_sid',
  'direction',
  'from',
  'to',
  'call_id',
  'sbc_callid',
  'sip_status',
  'sip_reason',
  'call_status',
  'account_sid',
  'trace_id',
  'application_sid',
  'fs_sip_address',
  'originating_sip_ip',
  'originating_sip_trunk_name',
  'api_base_url',
];
export const childKeys = [
  'call_sid',
  'direction',
  'from',
  'to',
  'call_id',
  'sbc_callid',
  'sip_status',
  'sip_reason',
  'call_status',
  'caller_id',
  'account_sid',
  'trace_id',
  'application_sid',
  'fs_sip_address',
  'parent_call_sid',
  'api_base_url',
];
