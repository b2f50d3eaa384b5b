import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { LockRecord, Mask, MaskConfirmation } from '../contract.ts';
import { agentBoundTags, type AddressMatcher } from './agent-bound-stream.ts';
import { blockDtmf, query, silenceMedia, unblockDtmf, unsilenceMedia, type QueriedCall } from './commands.ts';
import { bornOf, sameStream, stands, tagOf, type MaskedStream } from './masked-stream.ts';
import { isUnknown, maskingLost, refuse, unavailable } from './masking-errors.ts';
import type { NgClient } from './ng.ts';
import { OperationQueue } from './operation-queue.ts';

export interface DialMaskOptions {
  readonly ng: NgClient;
  /** The SIP Call-ID of the agent leg as it is now: rtpengine's name for it. Undefined while there is no leg. */
  readonly agentLegCallId: () => string | undefined;
  readonly freeswitchAddresses: AddressMatcher;
  /** What an earlier process applied. The mask then counts as closed until it is opened. */
  readonly record?: LockRecord;
  readonly logger: Logger;
}

export interface DialMask extends Mask {
  /**
   * Applies once more what should stand: after rtpengine was out of reach, or its connection was lost. Never opens
   * anything. Rejects with `masking_lost` when the engine no longer knows the call, `rtpengine_unreachable` else.
   */
  reassert(): Promise<MaskConfirmation>;
}

/**
 * Lock and guard of the agent-bound stream by rtpengine: `block DTMF` (drop) and `silence media`, both on the tag of
 * the agent leg whose media comes from FreeSWITCH. Always both: silence alone lets events pass, block alone lets tones.
 *
 * Operations run one after the other. `openGuard` and `open` reject with `masking_superseded`, and send nothing, when
 * a later call has asked for something else before their turn. rtpengine does not report what is blocked, so the
 * mask keeps its own record; whatever is uncertain counts as closed, so that `reassert` closes it.
 */
export function createDialMask(options: DialMaskOptions): DialMask {
  return new RtpengineMask(options);
}

class RtpengineMask implements DialMask {
  readonly #ng: NgClient;
  readonly #options: DialMaskOptions;
  readonly #queue = new OperationQueue();
  #targets: MaskedStream[] = [];
  #locked = false;
  #guarded = false;
  /** Counts the requests that open or close: an opening is void when it is no longer the last. */
  #intents = 0;

  constructor(options: DialMaskOptions) {
    this.#ng = options.ng;
    this.#options = options;
    const { record } = options;
    if (record?.agentLegCallId !== undefined && record.tag !== undefined) {
      this.#targets = [{ callId: record.agentLegCallId, tag: record.tag, born: undefined }];
      this.#locked = true;
      this.#guarded = true;
    }
  }

  close(): Promise<MaskConfirmation> {
    this.#intents += 1;
    return this.#queue.run(async () => {
      try {
        const target = await this.#locate();
        this.#locked = true;
        this.#guarded = true;
        this.#addTarget(target);
        await this.#applyTo(target);
        await this.#refuseWhenGone(target);
        return { detail: 'block DTMF ok, silence media ok, query: call and tag stand' };
      } catch (error) {
        throw unavailable(error);
      }
    });
  }

  openGuard(): Promise<MaskConfirmation> {
    return this.#opening(async () => {
      await this.#onEveryTarget((target) => unsilenceMedia(this.#ng, target));
      this.#guarded = false;
      return { detail: 'unsilence media ok' };
    });
  }

  closeGuard(): Promise<MaskConfirmation> {
    this.#intents += 1;
    return this.#queue.run(async () => {
      this.#guarded = true;
      await this.#onEveryTarget((target) => silenceMedia(this.#ng, target));
      return { detail: 'silence media ok' };
    });
  }

  open(): Promise<MaskConfirmation> {
    return this.#opening(async () => {
      await this.#addStreamsOfTakeOver();
      if (this.#targets.length === 0) return { detail: 'nothing was masked' };
      let gone = 0;
      for (const target of this.#targets) {
        try {
          await unsilenceMedia(this.#ng, target);
          await unblockDtmf(this.#ng, target);
        } catch (error) {
          // What the engine no longer knows it no longer masks.
          if (!isUnknown(error)) throw error;
          gone += 1;
        }
      }
      const left = this.#targets.length - gone;
      this.#targets = [];
      this.#locked = false;
      this.#guarded = false;
      if (left === 0) return { detail: 'nothing to open: rtpengine no longer knows the stream' };
      return { detail: 'unsilence media ok, unblock DTMF ok' };
    });
  }

  verify(): Promise<MaskConfirmation> {
    return this.#queue.run(() => this.#verify());
  }

  reassert(): Promise<MaskConfirmation> {
    return this.#queue.run(async () => {
      for (const target of this.#targets) {
        try {
          await this.#applyTo(target);
        } catch (error) {
          // Whether this stream is missed, the query decides; it also finds the one that came in its place.
          if (!isUnknown(error)) throw error;
        }
      }
      const { detail } = await this.#verify();
      return { detail: `applied again, ${detail}` };
    });
  }

  record(captureId: string): Promise<LockRecord> {
    return this.#queue.run(async () => {
      try {
        const { callId, tag } = await this.#locate();
        return { captureId, bridge: 'dial', agentLegCallId: callId, tag };
      } catch (error) {
        throw unavailable(error);
      }
    });
  }

  #opening(operation: () => Promise<MaskConfirmation>): Promise<MaskConfirmation> {
    this.#intents += 1;
    const intent = this.#intents;
    return this.#queue.run(async () => {
      if (intent !== this.#intents) {
        throw new HushtoneError(
          'masking_superseded',
          'conflict',
          'a later request stands against this opening',
        );
      }
      return operation();
    });
  }

  /** The one stream that the agent hears, or an error that says why there is not exactly one. */
  async #locate(): Promise<MaskedStream> {
    const callId = this.#options.agentLegCallId();
    if (callId === undefined) throw refuse('the agent leg is not known yet');
    const call = await query(this.#ng, callId);
    const tags = agentBoundTags(call, this.#options.freeswitchAddresses);
    const [tag] = tags;
    if (tag === undefined) throw refuse('no stream of the agent leg comes from a FreeSWITCH address');
    if (tags.length > 1)
      throw refuse(`${tags.length} streams of the agent leg come from FreeSWITCH addresses`);
    return { callId, tag: tag.tag, born: bornOf(call, tag) };
  }

  #addTarget(target: MaskedStream): void {
    this.#targets = [...this.#targets.filter((known) => !sameStream(known, target)), target];
  }

  async #applyTo(target: MaskedStream): Promise<void> {
    if (this.#locked) await blockDtmf(this.#ng, target);
    if (this.#guarded) await silenceMedia(this.#ng, target);
  }

  /** Earlier streams may be gone; the latest, which the agent hears, may not. */
  async #onEveryTarget(operation: (target: MaskedStream) => Promise<void>): Promise<void> {
    const latest = this.#targets.at(-1);
    if (latest === undefined) throw maskingLost('nothing is masked');
    let lost: unknown;
    for (const target of this.#targets) {
      try {
        await operation(target);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        if (target === latest) lost = error;
      }
    }
    if (lost !== undefined) throw maskingLost('rtpengine no longer knows the masked stream', lost);
  }

  async #refuseWhenGone(target: MaskedStream): Promise<void> {
    const call = await query(this.#ng, target.callId);
    const tag = call.tags.find((candidate) => candidate.tag === target.tag);
    if (tag === undefined || bornOf(call, tag) !== target.born) {
      throw refuse('rtpengine lost the stream while it was being masked');
    }
  }

  async #verify(): Promise<MaskConfirmation> {
    if (this.#targets.length === 0) throw maskingLost('nothing is masked');
    const callId = this.#options.agentLegCallId() ?? this.#targets.at(-1)?.callId ?? '';
    let call: QueriedCall;
    try {
      call = await query(this.#ng, callId);
    } catch (error) {
      throw isUnknown(error) ? maskingLost('rtpengine no longer knows the call', error) : error;
    }
    const before = this.#targets;
    const standing = before.filter((target) => target.callId === callId && stands(call, target));
    const reborn = before.some(
      (target) => target.callId === callId && !stands(call, target) && tagOf(call, target) !== undefined,
    );
    const fresh = agentBoundTags(call, this.#options.freeswitchAddresses)
      .filter((tag) => !standing.some((target) => target.tag === tag.tag))
      .map((tag): MaskedStream => ({ callId, tag: tag.tag, born: bornOf(call, tag) }));
    // First of all: what the agent hears now is masked, whatever is then found to be wrong.
    for (const target of fresh) {
      this.#addTarget(target);
      await this.#applyTo(target);
    }
    if (reborn) throw maskingLost('rtpengine was told of the call anew: the mask had been gone');
    if (standing.length + fresh.length === 0)
      throw maskingLost('rtpengine no longer knows the masked stream');
    if (fresh.length === 0) return { detail: 'query: call and tag stand' };
    this.#options.logger.warn('the agent-bound stream changed and was masked again', { bridge: 'dial' });
    return { detail: 'query: the agent-bound stream changed; masked the new one' };
  }

  /**
   * An earlier process may have masked a stream again that came after its record was written: whatever FreeSWITCH
   * sends on this leg is opened too.
   */
  async #addStreamsOfTakeOver(): Promise<void> {
    const callId = this.#options.agentLegCallId() ?? this.#options.record?.agentLegCallId;
    if (this.#options.record === undefined || callId === undefined) return;
    try {
      const call = await query(this.#ng, callId);
      for (const tag of agentBoundTags(call, this.#options.freeswitchAddresses)) {
        this.#addTarget({ callId, tag: tag.tag, born: bornOf(call, tag) });
      }
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  }
}
