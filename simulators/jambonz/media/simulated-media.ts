import { randomBytes, randomUUID } from 'node:crypto';
import { SimulatedPhone } from '../../phones/phone.ts';
import type { Media, MediaLeg, OutboundLeg, Phone, PhoneOptions } from './contract.ts';
import { CALLER_ADDRESS, FREESWITCH_ADDRESS } from './addresses.ts';
import { Freeswitch } from './freeswitch/freeswitch.ts';
import { CarrierGone, type OpenCarrier } from './leg-transport.ts';
import type { MediaClock } from './media-clock.ts';
import { seededRandom } from '../../audio/tones.ts';
import { SimulatedLeg } from './simulated-leg.ts';

/** From the INVITE to 180 Ringing or 486 Busy Here. */
const ALERTING_MS = 11;

export interface SimulatedMediaParts {
  readonly clock: MediaClock;
  readonly seed: number;
  readonly openCarrier: OpenCarrier;
  readonly ngAddress?: { readonly host: string; readonly port: number };
  /** Last of all, after every leg is gone. */
  readonly closeCarriers: () => Promise<void>;
}

/** Everything of `Media` but the way between a phone and FreeSWITCH. */
export class SimulatedMedia implements Media {
  readonly freeswitchAddress = FREESWITCH_ADDRESS;
  readonly ngAddress?: { readonly host: string; readonly port: number };
  readonly #parts: SimulatedMediaParts;
  readonly #random: () => number;
  readonly #freeswitch: Freeswitch;
  readonly #phones = new Set<SimulatedPhone>();
  readonly #legs = new Set<SimulatedLeg>();
  readonly #releases = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  #stopSending: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: SimulatedMediaParts) {
    this.#parts = parts;
    this.#random = seededRandom(parts.seed);
    this.#freeswitch = new Freeswitch(parts.clock, seededRandom(parts.seed + 1));
    if (parts.ngAddress !== undefined) this.ngAddress = parts.ngAddress;
  }

  createPhone(options: PhoneOptions): Phone {
    return new SimulatedPhone(options, this.#parts.clock, Math.floor(this.#random() * 2 ** 32));
  }

  async inbound(phone: Phone, onHangUp: () => void): Promise<MediaLeg> {
    return this.#createLeg(own(phone), 'inbound', onHangUp);
  }

  async outbound(
    phone: Phone,
    options: { readonly timeoutMs: number; ringing(): void; onHangUp(): void },
  ): Promise<OutboundLeg> {
    const wanted = own(phone);
    const called = wanted.inUse
      ? new SimulatedPhone({ number: wanted.number, onRing: 'busy' }, this.#parts.clock, 0)
      : wanted;
    const leg = await this.#createLeg(called, 'outbound', () => options.onHangUp());
    const { clock } = this.#parts;
    const timers = [clock.after(options.timeoutMs, () => leg.cancel())];
    if (called.onRing === 'busy') timers.push(clock.after(ALERTING_MS, () => leg.end({ result: 'busy' })));
    else timers.push(clock.after(Math.min(ALERTING_MS, called.ringMs), () => options.ringing()));
    if (called.onRing === 'answer') {
      timers.push(
        clock.after(called.ringMs, () => {
          leg.answer().catch((error: unknown) => {
            if (!(error instanceof CarrierGone)) this.#failures.push(error);
            leg.end({ result: 'no_answer' });
          });
        }),
      );
    }
    void leg.final.then(() => timers.forEach((timer) => timer.cancel()));
    return leg;
  }

  bridge(a: MediaLeg, b: MediaLeg): () => void {
    if (!(a instanceof SimulatedLeg) || !(b instanceof SimulatedLeg))
      throw new TypeError('a leg of another telephone system');
    return this.#freeswitch.bridge(a.channel, b.channel);
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  async #close(): Promise<void> {
    for (const leg of this.#legs) leg.hangUp();
    await Promise.all(this.#releases);
    this.#parts.clock.close();
    await this.#parts.closeCarriers();
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, 'a leg was not released cleanly');
  }

  /** A leg that is being opened is waited for by `close`. */
  async #createLeg(
    phone: SimulatedPhone,
    direction: 'inbound' | 'outbound',
    onHangUp: () => void,
  ): Promise<SimulatedLeg> {
    const opening = this.#openLeg(phone, direction, onHangUp);
    const opened = opening.then(
      () => undefined,
      () => undefined,
    );
    this.#releases.add(opened);
    void opened.then(() => this.#releases.delete(opened));
    return opening;
  }

  async #openLeg(
    phone: SimulatedPhone,
    direction: 'inbound' | 'outbound',
    onHangUp: () => void,
  ): Promise<SimulatedLeg> {
    if (this.#closed !== undefined) throw new Error('the telephone system is closed');
    if (phone.inUse) throw new Error(`phone ${phone.number} is in use`);
    const sipCallId = randomUUID();
    const sbcCallId =
      direction === 'inbound' ? `${randomBytes(8).toString('hex')}@${CALLER_ADDRESS}` : randomUUID();
    const carrier = await this.#parts.openCarrier({ direction, sipCallId, sbcCallId, impair: phone.impair });
    if (this.#closed !== undefined || phone.inUse) {
      await carrier.close();
      throw new Error(`phone ${phone.number} is no longer free`);
    }
    const leg: SimulatedLeg = new SimulatedLeg({
      sipCallId,
      sbcCallId,
      fromTag: randomBytes(10).toString('base64url').slice(0, 13),
      phone,
      carrier,
      freeswitch: this.#freeswitch,
      onHangUp,
      onEnd: (released) => this.#ended(leg, phone, released),
    });
    this.#legs.add(leg);
    this.#phones.add(phone);
    this.#stopSending ??= this.#parts.clock.onSend((tick) => {
      for (const each of this.#phones) each.tick(tick);
    });
    return leg;
  }

  #ended(leg: SimulatedLeg, phone: SimulatedPhone, released: Promise<void>): void {
    this.#legs.delete(leg);
    this.#phones.delete(phone);
    if (this.#phones.size === 0) {
      this.#stopSending?.();
      this.#stopSending = undefined;
    }
    const release: Promise<void> = released
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => this.#releases.delete(release));
    this.#releases.add(release);
  }
}

function own(phone: Phone): SimulatedPhone {
  if (!(phone instanceof SimulatedPhone)) throw new TypeError('a phone of another telephone system');
  return phone;
}
