import type { Clock } from '../../kernel/clock.ts';
import { newPathSecret } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { CallEnd, Route } from '../contract.ts';
import type { BridgeFlow } from './bridge-flow.ts';
import { endOfUnansweredAgent, isFinal } from './call-status.ts';
import type { LiveCall } from './live-call.ts';
import type { SessionFrame } from './session-frame.ts';
import type { SessionSocket } from './session-socket.ts';
import { agentConferenceVerbs, callerConferenceVerbs } from './verbs.ts';
import type { Verb } from './verbs.ts';

/** jambonz says nothing of a dial command that it refused: silence after the agent's time to answer means that. */
const NO_STATUS_GRACE_MS = 10_000;
/** As long as an ended call is kept: its agent leg may still report. */
const FORGET_TOKEN_MS = 60_000;

export const AGENT_PATH = '/jambonz/agent/';
export const CALL_STATUS_PATH = '/jambonz/call-status/';

export interface ConferenceFlowOptions {
  readonly agentTimeoutSeconds: number;
  /** The http(s) address of this server as jambonz reaches it, without a trailing slash. */
  readonly httpUrl: () => string;
  /** What jambonz is to present on the agent's socket: it uses the application's own for the application only. */
  readonly socketAuth: () => { readonly username: string; readonly password: string };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Calls whose legs join a conference; the agent's leg is made by a command and has a socket of its own. */
export class ConferenceFlow implements BridgeFlow {
  readonly #options: ConferenceFlowOptions;
  /** By the unguessable ends of the agent's socket path and of the status hook. */
  readonly #byToken = new Map<string, LiveCall>();
  readonly #dialled = new WeakSet<LiveCall>();
  readonly #ringingSockets = new WeakMap<LiveCall, SessionSocket>();

  constructor(options: ConferenceFlowOptions) {
    this.#options = options;
  }

  answer(call: LiveCall, route: Route): Verb[] {
    return callerConferenceVerbs(route, call.conferenceName);
  }

  /** The call that an agent's socket or a status hook belongs to. */
  byToken(token: string): LiveCall | undefined {
    return this.#byToken.get(token);
  }

  callerStatus(call: LiveCall, status: SessionFrame): void {
    const { call_status: state } = status.data;
    if (state === 'in-progress') this.#dialAgent(call);
    if (isFinal(state) && call.state === 'ringing') this.#stopRinging(call);
  }

  agentStatus(call: LiveCall, status: SessionFrame, socket: SessionSocket | undefined): void {
    const { call_sid: sid, call_status: state } = status.data;
    if (socket !== undefined && call.snapshot().connectedAt === undefined)
      this.#ringingSockets.set(call, socket);
    if (isFinal(state)) {
      this.#agentOver(call, sid, state);
      this.#ringingSockets.get(call)?.close(); // jambonz leaves the socket of a busy leg open
      return;
    }
    if (call.state === 'ended' && state !== 'in-progress') this.#stopRinging(call);
  }

  hook(): Verb[] {
    return [];
  }

  /** The reply to the agent leg's `session:new`. */
  agentJoins(call: LiveCall | undefined, status: SessionFrame): Verb[] {
    const { call_sid: sid, call_id: callId } = status.data;
    if (call === undefined || call.state === 'ended' || typeof sid !== 'string') return [{ verb: 'hangup' }];
    this.#ringingSockets.delete(call);
    call.agentLeg(sid, typeof callId === 'string' ? callId : undefined);
    return agentConferenceVerbs(call.conferenceName);
  }

  resumed(call: LiveCall): void {
    this.#dialAgent(call);
  }

  #dialAgent(call: LiveCall): void {
    const { route } = call;
    if (route === undefined || this.#dialled.has(call) || call.state !== 'ringing') return;
    this.#dialled.add(call);
    const { from, to } = call.snapshot();
    const { agentTimeoutSeconds, httpUrl, socketAuth, clock } = this.#options;
    try {
      call.caller.send('dial', {
        from: from === '' ? to : from,
        to: route.target,
        call_hook: { url: `${AGENT_PATH}${this.#tokenFor(call)}`, method: 'POST', ...socketAuth() },
        call_status_hook: `${httpUrl()}${CALL_STATUS_PATH}${this.#tokenFor(call)}`,
        timeout: agentTimeoutSeconds,
      });
    } catch (error) {
      this.#dialled.delete(call); // the caller's reconnect tries again
      this.#options.logger.warn('the agent could not be called', { callId: call.callId, error });
      return;
    }
    clock.after(agentTimeoutSeconds * 1000 + NO_STATUS_GRACE_MS, () => {
      if (call.state === 'ringing') this.#endFor(call, 'agent_no_answer');
    });
  }

  #tokenFor(call: LiveCall): string {
    const token = newPathSecret();
    this.#byToken.set(token, call);
    const forget = (): void =>
      void this.#options.clock.after(FORGET_TOKEN_MS, () => this.#byToken.delete(token));
    call.watch({ legRenegotiated: () => {}, ended: forget });
    return token;
  }

  #agentOver(call: LiveCall, sid: unknown, state: unknown): void {
    if (call.state === 'connected' && sid === call.agentCallSid) call.ended('agent_hung_up');
    if (call.state === 'ringing') this.#endFor(call, endOfUnansweredAgent(state));
  }

  /** The caller is alone in the conference: let go without a word. */
  #endFor(call: LiveCall, end: CallEnd): void {
    call.ended(end);
    try {
      call.caller.send('call:status', { call_status: 'completed' });
    } catch (error) {
      this.#options.logger.warn('the caller could not be released', { callId: call.callId, error });
    }
    this.#stopRinging(call);
  }

  /** A caller who is gone does not stop the agent's phone from ringing; this does. There is no session to use yet. */
  #stopRinging(call: LiveCall): void {
    const command = { type: 'command', command: 'call:status', data: { call_status: 'no-answer' } };
    this.#ringingSockets.get(call)?.send(JSON.stringify(command));
  }
}
