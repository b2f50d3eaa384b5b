import type { CallSession } from './call-session.ts';
import type { ListenSocket } from './listen-socket.ts';
import type { OutboundLeg } from '../media/contract.ts';

type Side = 'caller' | 'agent';

interface FaultyCall {
  readonly callerSession: CallSession | undefined;
  readonly agentSession: CallSession | undefined;
  readonly agentLeg: OutboundLeg | undefined;
}

/**
 * What can go wrong with one call, on demand. `agent` is the session that the `dial` command made; it exists in a
 * conference only.
 */
export class CallFaults {
  readonly #call: FaultyCall;

  constructor(call: FaultyCall) {
    this.#call = call;
  }

  /** The application's socket is cut: both sides see 1006. jambonz reconnects. */
  dropAppSocket(side: Side = 'caller'): void {
    this.#session(side).socket.drop();
  }

  /** For a while nothing gets through in either direction; then all of it does. */
  stallAppSocket(durationMs: number, side: Side = 'caller'): void {
    this.#session(side).socket.stall(durationMs);
  }

  sendRawToApp(frame: string | Buffer, side: Side = 'caller'): void {
    this.#session(side).socket.sendRaw(frame);
  }

  /** The next command is refused, or the next one of this name. The application is told nothing. */
  refuseNextCommand(side: Side = 'caller', command?: string): void {
    this.#session(side).refuseNext = command ?? true;
  }

  /** The listen socket is cut. jambonz does not open it again and tells nobody. */
  dropListenSocket(side: Side = 'caller'): void {
    for (const listen of this.#listens(side)) listen.drop();
  }

  /** The listen socket stays open and silent; the audio and keys of that time are lost. */
  stallListenSocket(durationMs: number, side: Side = 'caller'): void {
    for (const listen of this.#listens(side)) listen.silence(durationMs);
  }

  /** The leg is lost without its phone hanging up; jambonz takes it for a hang-up. */
  killLeg(side: Side): void {
    const { callerSession, agentSession, agentLeg } = this.#call;
    if (side === 'caller') {
      this.#session('caller').leg.hangUp();
      callerSession?.peerHungUp();
      return;
    }
    agentLeg?.hangUp();
    if (agentSession === undefined) callerSession?.dial?.lost();
    else agentSession.peerHungUp();
  }

  /** The feature server dies: the application's socket is cut for good, listening stays open but silent. */
  killFeatureServer(side: Side = 'caller'): void {
    const session = this.#session(side);
    session.socket.die();
    for (const listen of this.#listens(side)) listen.silence(Number.POSITIVE_INFINITY);
  }

  /** The agent's phone holds and resumes, with a new port. The call id stays. */
  async renegotiateAgent(): Promise<void> {
    const { agentLeg } = this.#call;
    if (agentLeg === undefined) throw new Error('there is no agent leg');
    await agentLeg.renegotiate();
  }

  async renegotiateCaller(): Promise<void> {
    await this.#session('caller').leg.renegotiate();
  }

  /** In a dial: the agent leg gets a new SIP dialog, so a new call id, told by a `call:status` of the child. */
  async replaceAgentLeg(): Promise<void> {
    const dial = this.#session('caller').dial;
    if (dial === undefined) throw new Error('no dial is in progress');
    await dial.replaceLeg();
  }

  #session(side: Side): CallSession {
    const session = side === 'caller' ? this.#call.callerSession : this.#call.agentSession;
    if (session === undefined) throw new Error(`there is no ${side} session`);
    return session;
  }

  #listens(side: Side): readonly ListenSocket[] {
    return this.#session(side).listenSockets.filter((listen) => listen.active);
  }
}
