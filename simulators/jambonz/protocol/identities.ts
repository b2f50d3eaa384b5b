import { randomInt } from 'node:crypto';

/** The alphabet of short-uuid, which jambonz uses for message ids. */
const SHORT_UUID = '123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ';

/** The names that one simulated jambonz gives to things. The same seed gives the same names. */
export class Identities {
  #state: number;
  readonly accountSid: string;
  readonly applicationSid: string;
  readonly serviceProviderSid: string;
  readonly carrierSid: string;

  constructor(seed = randomInt(0xffff_ffff)) {
    this.#state = seed >>> 0;
    this.accountSid = this.uuid();
    this.applicationSid = this.uuid();
    this.serviceProviderSid = this.uuid();
    this.carrierSid = this.uuid();
  }

  uuid(): string {
    const hex = this.hex(32);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  messageId(): string {
    return Array.from({ length: 22 }, () => SHORT_UUID[this.#below(SHORT_UUID.length)]).join('');
  }

  hex(length: number): string {
    return Array.from({ length }, () => this.#below(16).toString(16)).join('');
  }

  /** mulberry32 */
  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }
}
