import type { ForkOptions, Media, MediaLeg, Phone } from '../simulators/jambonz/media/contract.ts';

/** The shortest honest spacing of keys: 40 ms down and 20 ms up, and 2 ms for the timer. */
export const KEY_SPACING_MS = 62;
/** 40 ms in 8 kHz units, as jambonz writes it. */
const DURATION = '320';

/**
 * Keys that reach the gateway as listen frames at once, without the 63 to 84 ms that FreeSWITCH takes and without the
 * time that a person takes: what is measured is then the gateway and not the telephone system.
 */
export class PacedKeys {
  readonly #listens = new Map<Phone, ForkOptions>();

  /** Lets the forks of callers' legs be reached by `press`. */
  around(media: Media): Media {
    const inbound: Media['inbound'] = async (phone, onHangUp) => {
      const leg = await media.inbound(phone, onHangUp);
      const fork = leg.fork.bind(leg);
      const tapped: MediaLeg['fork'] = (options) => {
        this.#listens.set(phone, options);
        return fork(options);
      };
      Object.defineProperty(leg, 'fork', { value: tapped });
      return leg;
    };
    return new Proxy(media, {
      get: (target, name, receiver) => {
        if (name === 'inbound') return inbound;
        const value: unknown = Reflect.get(target, name, receiver);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  /** Presses the keys one after the other. Resolves with the moment at which each was handed over. */
  async press(phone: Phone, keys: string): Promise<number[]> {
    const listen = this.#listens.get(phone);
    if (listen === undefined) throw new Error('nobody listens to this phone');
    const pressedAt: number[] = [];
    for (const dtmf of keys) {
      pressedAt.push(performance.now());
      listen.onKey({ dtmf, duration: DURATION });
      await new Promise((resolve) => setTimeout(resolve, KEY_SPACING_MS));
    }
    return pressedAt;
  }
}
