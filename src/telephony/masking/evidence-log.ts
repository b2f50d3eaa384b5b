import type { Clock } from '../../kernel/clock.ts';
import type { Bridge, MaskingEvidence, MaskingStep, Transport } from '../contract.ts';
import type { SentinelFindings } from './sentinel-ear.ts';

/** A capture that doubts and trusts for an hour stays below this; later steps are left out, the last ones never. */
const MOST_STEPS = 400;
const MOST_DOUBTS = 400;
const ALWAYS_KEPT: ReadonlySet<MaskingStep['step']> = new Set([
  'breached',
  'failed',
  'released',
  'recording_started',
]);

/** What `seen` counts: as reported by the merging of events and tones. */
export interface KeyCounts {
  readonly keyEventsSeen: number;
  readonly keyTonesSeen: number;
  readonly duplicatesDropped: number;
}

export interface EvidenceSources {
  readonly bridge: Bridge;
  readonly engineVersion?: string;
  transport(): Transport;
  keys(): KeyCounts;
  /** Undefined when no sentinel listens on this bridge. */
  sentinel(): SentinelFindings | undefined;
}

/** Keeps the timeline of one capture's masking. Times are milliseconds after it was made. */
export class EvidenceLog {
  readonly #clock: Clock;
  readonly #sources: EvidenceSources;
  readonly #requestedMs: number;
  readonly #steps: MaskingStep[] = [];
  readonly #msFromDoubtToGuard: number[] = [];
  #msToSecured: number | undefined;
  #delivered = 0;
  #dropped = 0;

  constructor(clock: Clock, sources: EvidenceSources) {
    this.#clock = clock;
    this.#sources = sources;
    this.#requestedMs = clock.monotonicMs();
    this.step('requested');
  }

  step(step: MaskingStep['step'], detail?: string): void {
    if (this.#steps.length >= MOST_STEPS && !ALWAYS_KEPT.has(step)) return;
    this.#steps.push({ atMs: this.#elapsedMs(), step, ...(detail !== undefined && { detail }) });
  }

  secured(): void {
    this.step('secured');
    this.#msToSecured = this.#elapsedMs();
  }

  keyDelivered(): void {
    this.#delivered += 1;
  }

  /** A key press that came before masking was confirmed, or while it was in doubt. */
  keyDropped(): void {
    this.#dropped += 1;
  }

  guardClosedOnDoubt(ms: number): void {
    if (this.#msFromDoubtToGuard.length < MOST_DOUBTS) this.#msFromDoubtToGuard.push(Math.round(ms));
  }

  evidence(): MaskingEvidence {
    const { bridge, engineVersion } = this.#sources;
    const sentinel = this.#sources.sentinel();
    const keys = this.#sources.keys();
    return {
      bridge,
      transport: this.#sources.transport(),
      proof: proofOf(bridge, sentinel !== undefined),
      ...(engineVersion !== undefined && { engineVersion }),
      keysDelivered: this.#delivered,
      keysDropped: this.#dropped,
      keyEventsSeen: keys.keyEventsSeen,
      keyTonesSeen: keys.keyTonesSeen,
      duplicatesDropped: keys.duplicatesDropped,
      ...(sentinel !== undefined && { sentinel }),
      ...(this.#msToSecured !== undefined && { msToSecured: this.#msToSecured }),
      msFromDoubtToGuard: [...this.#msFromDoubtToGuard],
      steps: [...this.#steps],
    };
  }

  #elapsedMs(): number {
    return Math.round(this.#clock.monotonicMs() - this.#requestedMs);
  }
}

/** jambonz acknowledges no command, so a conference is proven by its sentinel alone. */
function proofOf(bridge: Bridge, hasSentinel: boolean): MaskingEvidence['proof'] {
  if (bridge === 'conference') return 'sentinel';
  return hasSentinel ? 'engine_acknowledgement_and_sentinel' : 'engine_acknowledgement';
}
