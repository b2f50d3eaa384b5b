import { randomUUID } from 'node:crypto';
import type {
  ConferenceOptions,
  Fork,
  ForkOptions,
  KeyedKey,
  Media,
  MediaLeg,
  OutboundLeg,
  OutboundResult,
  Phone,
  PhoneOptions,
} from '../../../../simulators/jambonz/media/contract.ts';

/** A phone without sound: its keys go straight to the forks of its leg. */
export class FakePhone implements Phone {
  readonly number: string;
  readonly options: PhoneOptions;
  leg: FakeLeg | undefined;
  onHangUp: () => void = () => undefined;

  constructor(options: PhoneOptions) {
    this.number = options.number;
    this.options = options;
  }

  key(digits: string): Promise<readonly KeyedKey[]> {
    return Promise.resolve(
      digits.split('').map((key) => {
        const startMs = performance.now();
        this.leg?.hear(key);
        return { key, startMs, endMs: performance.now() };
      }),
    );
  }

  setSpeaking(): void {}

  hangUp(): void {
    const leg = this.leg;
    if (leg === undefined || leg.gone) return;
    leg.gone = true;
    this.onHangUp();
  }

  heard(): { samples: Int16Array; startedAtMs: number } {
    return { samples: new Int16Array(0), startedAtMs: 0 };
  }

  telephoneEventsHeard(): [] {
    return [];
  }
}

export class FakeLeg implements MediaLeg {
  readonly sipCallId = randomUUID();
  readonly sbcCallId = randomUUID();
  readonly sdp = 'v=0\r\n';
  readonly fromTag = 'tag1';
  readonly forks = new Set<ForkOptions>();
  /** What was done to this leg, in order. */
  readonly log: string[] = [];
  gone = false;
  #frames: NodeJS.Timeout | undefined;

  answer(): Promise<void> {
    this.log.push('answer');
    return Promise.resolve();
  }

  hangUp(): void {
    if (!this.gone) this.log.push('hangUp');
    this.gone = true;
    clearInterval(this.#frames);
  }

  fork(options: ForkOptions): Fork {
    this.forks.add(options);
    this.#frames ??= setInterval(() => this.#sendFrames(), 20);
    return {
      close: () => {
        this.forks.delete(options);
        if (this.forks.size > 0) return;
        clearInterval(this.#frames);
        this.#frames = undefined;
      },
    };
  }

  play(samples: Int16Array): Promise<void> {
    this.log.push(`play ${samples.length}`);
    return Promise.resolve();
  }

  joinConference(name: string, options: ConferenceOptions): ReturnType<MediaLeg['joinConference']> {
    this.log.push(`join ${name.split(':').at(-1) ?? ''} ${options.memberTag ?? ''}`.trim());
    this.throwOut = () => options.onThrownOut();
    return {
      leave: () => this.log.push('leave'),
      mute: (on) => this.log.push(on ? 'mute' : 'unmute'),
      coach: (tag) => this.log.push(tag === undefined ? 'uncoach' : `coach ${tag}`),
    };
  }

  throwOut: () => void = () => undefined;

  renegotiate(): Promise<void> {
    this.log.push('renegotiate');
    return Promise.resolve();
  }

  hear(key: string): void {
    for (const fork of this.forks) fork.onKey({ dtmf: key, duration: '800' });
  }

  #sendFrames(): void {
    for (const fork of this.forks) fork.onAudio(Buffer.alloc(fork.mixType === 'stereo' ? 640 : 320));
  }
}

class FakeOutboundLeg extends FakeLeg implements OutboundLeg {
  readonly final: Promise<OutboundResult>;
  settle: (result: OutboundResult) => void = () => undefined;

  constructor() {
    super();
    this.final = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  cancel(): void {
    this.log.push('cancel');
    this.settle({ result: 'no_answer' });
  }
}

/** Media without media: phones ring at once and answer after 5 ms, and every leg remembers what was done to it. */
export class FakeMedia implements Media {
  readonly freeswitchAddress = '127.0.2.40';
  readonly legs: FakeLeg[] = [];
  readonly bridges: { a: MediaLeg; b: MediaLeg; undone: boolean }[] = [];

  createPhone(options: PhoneOptions): Phone {
    return new FakePhone(options);
  }

  inbound(phone: Phone, onHangUp: () => void): Promise<MediaLeg> {
    const leg = new FakeLeg();
    this.#attach(phone, leg, onHangUp);
    return Promise.resolve(leg);
  }

  outbound(
    phone: Phone,
    options: { timeoutMs: number; ringing(): void; onHangUp(): void },
  ): Promise<OutboundLeg> {
    const leg = new FakeOutboundLeg();
    const { onRing } = this.#attach(phone, leg, () => options.onHangUp());
    setTimeout(() => {
      if (onRing === 'busy') {
        leg.settle({ result: 'busy' });
        return;
      }
      options.ringing();
      if (onRing === 'ignore') setTimeout(() => leg.settle({ result: 'no_answer' }), options.timeoutMs);
      else setTimeout(() => leg.settle({ result: 'answered' }), 5);
    }, 1);
    return Promise.resolve(leg);
  }

  bridge(a: MediaLeg, b: MediaLeg): () => void {
    const bridge = { a, b, undone: false };
    this.bridges.push(bridge);
    return () => {
      bridge.undone = true;
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #attach(phone: Phone, leg: FakeLeg, onHangUp: () => void): PhoneOptions {
    if (!(phone instanceof FakePhone)) throw new Error('not a phone of this media');
    this.legs.push(leg);
    phone.leg = leg;
    phone.onHangUp = onHangUp;
    return phone.options;
  }
}
