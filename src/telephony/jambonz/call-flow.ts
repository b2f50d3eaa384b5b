import type { Session } from '@jambonz/node-client-ws/lib/client.js';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { newId } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/logger.ts';
import type {
  Bridge,
  CallJournal,
  CallObserver,
  CallRecord,
  CallSnapshot,
  Route,
  Router,
} from '../contract.ts';
import type { BridgeFlow } from './bridge-flow.ts';
import { findRecord } from './call-records.ts';
import type { CallRegistry } from './call-registry.ts';
import { isFinal } from './call-status.ts';
import { AGENT_PATH } from './conference-flow.ts';
import type { ConferenceFlow } from './conference-flow.ts';
import { LiveCall } from './live-call.ts';
import type { FrameProblem, SessionFrame } from './session-frame.ts';
import { reply } from './session-socket.ts';
import type { SessionHandlers, SessionSocket } from './session-socket.ts';
import { refuseCaller } from './verbs.ts';
import type { Verb } from './verbs.ts';
import { WaitingAgents } from './waiting-agents.ts';

const JOURNAL_RETRY_MS = 2000;
/** jambonz's back-off after an outage is seconds; a feature server that died never comes back. */
const CONTROL_GONE_MS = 300_000;
const CLOSE_NORMAL = 1000;

export interface CallFlowOptions {
  readonly bridge: Bridge;
  readonly dial: BridgeFlow;
  readonly conference: ConferenceFlow;
  readonly registry: CallRegistry;
  readonly router: Router;
  readonly journal: CallJournal;
  readonly observer: CallObserver;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Leg {
  readonly call: LiveCall;
  readonly side: 'caller' | 'agent';
}

/** What happens on the control sockets, turned into calls. */
export class CallFlow implements SessionHandlers {
  #refusedFrames = 0;
  readonly #options: CallFlowOptions;
  readonly #legs = new WeakMap<SessionSocket, Leg>();
  readonly #gone = new Map<LiveCall, Timer>();
  readonly #waitingAgents: WaitingAgents;

  constructor(options: CallFlowOptions) {
    this.#options = options;
    this.#waitingAgents = new WaitingAgents(options.clock);
  }

  started(session: Session, socket: SessionSocket): void {
    if (socket.path.startsWith(AGENT_PATH)) {
      this.#agentStarted(session, socket);
      return;
    }
    const known = this.#options.registry.bySid(session.call_sid);
    if (known === undefined) this.#callerStarted(session, socket);
    else this.#callerBack(known, session, socket);
  }

  reconnected(session: Session, socket: SessionSocket): void {
    if (socket.path.startsWith(AGENT_PATH)) {
      this.#agentBack(session, socket);
      return;
    }
    const known = this.#options.registry.bySid(session.call_sid);
    if (known === undefined) void this.#strangerBack(session, socket);
    else if (known.state === 'ended') this.#adopt(known.record(), session, socket);
    else this.#callerBack(known, session, socket);
  }

  status(status: SessionFrame, socket: SessionSocket): void {
    const call = this.#callOf(status, socket);
    if (call !== undefined) this.#apply(call, status, socket);
    // A leg that is over and has no session on this socket: jambonz leaves such a socket open.
    if (isFinal(status.data['call_status']) && !this.#legs.has(socket)) socket.close();
  }

  /** The same statuses, over http, for an agent leg that has no session yet. */
  httpStatus(call: LiveCall, status: SessionFrame): void {
    this.#flow(call).agentStatus(call, status, undefined);
  }

  hook(hook: SessionFrame, socket: SessionSocket): readonly Verb[] {
    const leg = this.#legs.get(socket);
    return leg === undefined ? [] : this.#flow(leg.call).hook(leg.call, hook);
  }

  closed(code: number, socket: SessionSocket): void {
    const leg = this.#legs.get(socket);
    if (leg === undefined) return;
    const { call, side } = leg;
    const link = side === 'caller' ? call.caller : call.agent;
    if (!link.detach(socket) || call.state === 'ended') return;
    const { logger, clock } = this.#options;
    logger.info('a control socket closed', { callId: call.callId, closeCode: code, reason: side });
    if (side === 'agent') return;
    if (code === CLOSE_NORMAL) {
      call.ended('failed'); // jambonz closes with 1000 only when its session is over
      return;
    }
    // The legs live on without control, so a lock may stand for as long as they do: it stays on record.
    this.#gone.set(
      call,
      clock.after(CONTROL_GONE_MS, () => call.ended('failed', 'may_stand')),
    );
  }

  refused(problem: FrameProblem): void {
    this.#refusedFrames += 1;
    const count = this.#refusedFrames;
    this.#options.logger.warn('a malformed control frame was refused', { reason: problem, count });
  }

  #callerStarted(session: Session, socket: SessionSocket): void {
    const { logger, clock, bridge } = this.#options;
    const { from, to, direction } = session.data;
    const route = typeof to === 'string' && direction !== 'outbound' ? this.#routeTo(to) : undefined;
    if (route === undefined) {
      logger.info('a call to an unknown number was declined', { callSid: session.call_sid });
      reply(session, refuseCaller(false, 404));
      return;
    }
    const snapshot: CallSnapshot = {
      callId: newId('call'),
      accountId: route.accountId,
      state: 'ringing',
      bridge,
      from: typeof from === 'string' ? from : '',
      to: typeof to === 'string' ? to : '',
      agentId: route.agentId,
      transport: 'unknown',
      masked: false,
      startedAt: clock.now(),
    };
    const call = this.#hold({ snapshot, callSid: session.call_sid }, session);
    this.#attachCaller(call, session, socket);
    this.#answer(call, session, route);
    call.begun();
    logger.info('a call came in', { callId: call.callId, callSid: call.callSid, bridge });
  }

  #answer(call: LiveCall, session: Session, route: Route): void {
    try {
      reply(session, this.#flow(call).answer(call, route));
    } catch (error) {
      this.#options.logger.error('the route of a call is not usable', { callId: call.callId, error });
      call.ended('failed');
      reply(session, refuseCaller(false, 500));
    }
  }

  /** The socket of a call that this process holds is back. What it says of the call is of its beginning. */
  #callerBack(call: LiveCall, session: Session, socket: SessionSocket, acked = false): void {
    this.#attachCaller(call, session, socket);
    const { route } = call;
    const mayBeUnanswered = call.state === 'ringing' && call.agentCallSid === undefined;
    // When the drop came before the ack, this ack answers session:new; in every other case its verbs are ignored.
    if (!acked) {
      if (mayBeUnanswered && route !== undefined) this.#answer(call, session, route);
      else reply(session, []);
    }
    if (call.agentCallSid === undefined) this.#flow(call).resumed(call);
  }

  /** A reconnect of a call that this process does not hold: an earlier one did, or nobody has acked it yet. */
  async #strangerBack(session: Session, socket: SessionSocket): Promise<void> {
    let found = await findRecord(session.call_sid, this.#options);
    const acked = found === 'unreadable';
    if (acked && socket.isOpen) reply(session, []); // jambonz does not wait for a database
    while (found === 'unreadable' && socket.isOpen) {
      await new Promise<void>((resolve) => void this.#options.clock.after(JOURNAL_RETRY_MS, resolve));
      found = await findRecord(session.call_sid, this.#options);
    }
    if (!socket.isOpen || found === 'unreadable') return;
    const known = this.#options.registry.bySid(session.call_sid);
    if (known !== undefined) this.#callerBack(known, session, socket, acked);
    else if (found !== undefined) this.#adopt(found, session, socket, acked);
    else if (!acked) this.#callerStarted(session, socket);
  }

  #adopt(record: CallRecord, session: Session, socket: SessionSocket, acked = false): void {
    const { end: _end, endedAt: _endedAt, ...going } = record.snapshot;
    const state = record.snapshot.connectedAt === undefined ? 'ringing' : 'connected';
    const call = this.#hold({ ...record, snapshot: { ...going, state } }, session);
    if (record.lock !== undefined) call.recording.wasStopped();
    this.#callerBack(call, session, socket, acked);
    const agentSid = call.agentCallSid;
    const agent = agentSid === undefined ? undefined : this.#waitingAgents.take(agentSid);
    if (agent !== undefined) this.#attachAgent(call, agent.session, agent.socket);
    const { logger, observer } = this.#options;
    logger.info('a call of an earlier process was adopted', { callId: call.callId, callSid: call.callSid });
    observer.adopted(call.snapshot()).catch((error: unknown) => {
      logger.error('the adoption of a call could not be recorded', { callId: call.callId, error });
    });
  }

  #agentStarted(session: Session, socket: SessionSocket): void {
    const call = this.#options.conference.byToken(socket.path.slice(AGENT_PATH.length));
    const { call_id: callId } = session.data;
    const leg: SessionFrame = {
      type: 'session:new',
      msgid: session.msgid,
      data: { call_sid: session.call_sid, ...(typeof callId === 'string' && { call_id: callId }) },
    };
    const verbs = this.#options.conference.agentJoins(call, leg);
    if (call !== undefined) this.#attachAgent(call, session, socket);
    reply(session, verbs);
    if (call !== undefined && call.state === 'ringing') call.connected();
  }

  #agentBack(session: Session, socket: SessionSocket): void {
    const { registry, conference } = this.#options;
    const sid = session.call_sid;
    const byToken = conference.byToken(socket.path.slice(AGENT_PATH.length));
    const call = registry.byAgentSid(sid) ?? byToken;
    if (call !== undefined && call.state === 'ringing') {
      this.#agentStarted(session, socket); // its session:new was never acked
      return;
    }
    reply(session, []);
    if (call !== undefined) {
      this.#attachAgent(call, session, socket);
      return;
    }
    this.#waitingAgents.wait(sid, { session, socket });
  }

  #attachCaller(call: LiveCall, session: Session, socket: SessionSocket): void {
    this.#gone.get(call)?.cancel();
    this.#gone.delete(call);
    this.#legs.set(socket, { call, side: 'caller' });
    call.caller.attach(session, socket);
  }

  #attachAgent(call: LiveCall, session: Session, socket: SessionSocket): void {
    this.#legs.set(socket, { call, side: 'agent' });
    call.agent.attach(session, socket);
  }

  #apply(call: LiveCall, status: SessionFrame, socket: SessionSocket): void {
    const { call_sid: sid, call_status: state, call_termination_by: by } = status.data;
    const flow = this.#flow(call);
    if (sid !== call.callSid) {
      flow.agentStatus(call, status, socket);
      return;
    }
    flow.callerStatus(call, status);
    if (!isFinal(state)) return;
    call.ended(by === 'jambonz' ? 'failed' : 'caller_hung_up');
  }

  #callOf(status: SessionFrame, socket: SessionSocket): LiveCall | undefined {
    const leg = this.#legs.get(socket);
    if (leg !== undefined) return leg.call;
    if (socket.path.startsWith(AGENT_PATH)) {
      return this.#options.conference.byToken(socket.path.slice(AGENT_PATH.length));
    }
    return this.#options.registry.bySid(status.callSid);
  }

  #hold(record: CallRecord, session: Session): LiveCall {
    const { registry, journal, observer, clock, logger } = this.#options;
    const call = new LiveCall({
      record,
      route: this.#routeTo(record.snapshot.to),
      recordedByJambonz: session.data['has_recording'] === true,
      journal,
      observer,
      now: () => clock.now(),
      logger,
    });
    registry.add(call);
    call.watch({ legRenegotiated: () => {}, ended: () => this.#over(call) });
    return call;
  }

  #over(call: LiveCall): void {
    this.#gone.get(call)?.cancel();
    this.#gone.delete(call);
    this.#options.logger.info('a call ended', {
      callId: call.callId,
      reason: call.snapshot().end ?? 'failed',
    });
  }

  #flow(call: LiveCall): BridgeFlow {
    return call.bridge === 'conference' ? this.#options.conference : this.#options.dial;
  }

  /** Carriers write a number with or without its leading `+`. */
  #routeTo(to: string): Route | undefined {
    const { router } = this.#options;
    return router(to) ?? router(to.startsWith('+') ? to.slice(1) : `+${to}`);
  }
}
