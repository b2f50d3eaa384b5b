import { HushtoneError } from '../../kernel/errors.ts';
import type { Calls, CallSnapshot, Masking, MaskingListener, MaskingOptions } from '../contract.ts';
import { secureCall } from '../masking/masking-session.ts';
import { MaskingRefused } from '../masking/refusal.ts';
import type { CallRegistry } from './call-registry.ts';
import type { LiveCall } from './live-call.ts';
import { MaskedCall } from './masked-call.ts';
import type { MaskedCallServices } from './masked-call.ts';

/** One capture's hold on a call: from before anything is locked until everything is undone. */
interface Hold {
  readonly masked: MaskedCall;
  /** Resolves when the hold is over; the next capture waits for it once it is being released. */
  releasing: Promise<void> | undefined;
}

/** The calls of this process, for the use cases. */
export class JambonzCalls implements Calls {
  readonly #registry: CallRegistry;
  readonly #services: MaskedCallServices;
  readonly #masked = new WeakMap<LiveCall, MaskedCall>();
  readonly #holds = new WeakMap<LiveCall, Hold>();

  constructor(registry: CallRegistry, services: MaskedCallServices) {
    this.#registry = registry;
    this.#services = services;
  }

  get(callId: string): CallSnapshot | undefined {
    return this.#registry.get(callId)?.snapshot();
  }

  ofAgent(accountId: string, agentId: string): CallSnapshot | undefined {
    return this.list(accountId).find((call) => call.agentId === agentId && call.state !== 'ended');
  }

  list(accountId: string): CallSnapshot[] {
    return this.#registry
      .all()
      .map((call) => call.snapshot())
      .filter((call) => call.accountId === accountId);
  }

  async secure(callId: string, options: MaskingOptions, listener: MaskingListener): Promise<Masking> {
    const call = this.#connected(callId);
    const before = this.#holds.get(call);
    if (before !== undefined) {
      if (before.releasing === undefined) {
        throw new HushtoneError(
          'call_already_masked',
          'conflict',
          'another capture is under way on this call',
        );
      }
      await before.releasing.catch(() => {}); // a lock that stayed is taken over
      return this.secure(callId, options, listener);
    }
    const masked = this.#maskedCall(call);
    const hold: Hold = { masked, releasing: undefined };
    this.#holds.set(call, hold);
    const letGo = (): void => {
      if (this.#holds.get(call) === hold) this.#holds.delete(call);
      call.maskedByCapture(false);
    };
    try {
      call.maskedByCapture(true);
      await masked.stopOpening();
      const session = await secureCall(masked, options, listener, this.#services);
      return {
        evidence: () => session.evidence(),
        release: () => {
          hold.releasing ??= session.release().finally(letGo);
          return hold.releasing;
        },
      };
    } catch (error) {
      // Its undoing may go on for a while: an opening of its must not meet the lock of the next capture.
      if (error instanceof MaskingRefused) hold.releasing = error.undone.finally(letGo);
      else letGo();
      throw error;
    }
  }

  async release(callId: string): Promise<void> {
    const call = this.#registry.get(callId);
    if (call === undefined)
      throw new HushtoneError('call_not_found', 'not_found', 'there is no such call here');
    if (!call.snapshot().masked) {
      throw new HushtoneError('call_not_masked', 'conflict', 'no lock is left on this call');
    }
    await this.#maskedCall(call).openLeftLock();
  }

  #connected(callId: string): LiveCall {
    const call = this.#registry.get(callId);
    if (call === undefined)
      throw new HushtoneError('call_not_found', 'not_found', 'there is no such call here');
    if (call.state !== 'connected') {
      throw new HushtoneError('call_not_connected', 'conflict', 'caller and agent are not connected');
    }
    return call;
  }

  #maskedCall(call: LiveCall): MaskedCall {
    const known = this.#masked.get(call);
    if (known !== undefined) return known;
    const made = new MaskedCall(call, this.#services);
    this.#masked.set(call, made);
    return made;
  }
}
