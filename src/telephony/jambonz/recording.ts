import type { ControlLink } from './control-link.ts';
import { startRecording } from './verbs.ts';

const NO_ACKNOWLEDGEMENT = 'sent; jambonz acknowledges no command';

/**
 * jambonz's own recording of a call. Pausing is no protection: a paused SIPREC recorder still gets the events and a
 * paused cloud recorder still gets the digits, so it is stopped and later started with its full original data.
 */
export class CallRecording {
  readonly #control: ControlLink;
  /** What the route says to record with. */
  readonly #known: Readonly<Record<string, unknown>> | undefined;
  /** jambonz said that it records the call by a setting of its own (`has_recording`). */
  #startedByJambonz: boolean;
  #stopped = false;

  constructor(
    control: ControlLink,
    known: Readonly<Record<string, unknown>> | undefined,
    startedByJambonz: boolean,
  ) {
    this.#control = control;
    this.#known = known;
    this.#startedByJambonz = startedByJambonz;
  }

  foundRunning(): void {
    this.#startedByJambonz = true;
  }

  /** An earlier process stopped it and did not live to start it again. */
  wasStopped(): void {
    this.#stopped = true;
  }

  /** Throws `control_lost` when the command cannot be sent. Undefined when nothing records. */
  stop(): string | undefined {
    const kinds = this.#kinds();
    if (kinds.size === 0) return undefined;
    for (const type of kinds) {
      this.#control.send('record', { action: 'stopCallRecording', ...(type !== undefined && { type }) });
    }
    this.#stopped = true;
    return `stopCallRecording ${NO_ACKNOWLEDGEMENT}`;
  }

  /** Throws `control_lost` when the command cannot be sent. Undefined when nothing was stopped. */
  start(): string | undefined {
    if (!this.#stopped) return undefined;
    if (this.#known === undefined && !this.#startedByJambonz) return undefined;
    if (this.#known !== undefined) {
      this.#control.send('record', startRecording(this.#known));
      this.#stopped = false;
      return `startCallRecording ${NO_ACKNOWLEDGEMENT}`;
    }
    this.#control.send('record', { action: 'startCallRecording', type: 'cloud' });
    this.#stopped = false;
    return `startCallRecording without the original data, which jambonz does not tell; ${NO_ACKNOWLEDGEMENT}`;
  }

  /**
   * The kinds to stop, by their `type`. Which kind jambonz started is not said: it gets both, and refuses the one that
   * does not run.
   */
  #kinds(): ReadonlySet<string | undefined> {
    const kinds = new Set<string | undefined>();
    if (this.#known !== undefined) {
      const { type } = this.#known;
      kinds.add(typeof type === 'string' ? type : undefined);
    }
    if (this.#startedByJambonz) kinds.add('cloud').add(undefined);
    return kinds;
  }
}
