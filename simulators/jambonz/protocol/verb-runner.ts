import type { Session, Verb } from './session.ts';
import { parseVerbs } from './verb-list.ts';
import { type EndOfVerb, runVerb } from './verbs/index.ts';

/** The verbs of a session, one after the other; between them it waits for more. */
export class VerbRunner {
  #verbs: Verb[] = [];
  #running: AbortController | undefined;
  #wake: () => void = () => undefined;

  get empty(): boolean {
    return this.#verbs.length === 0;
  }

  /** New verbs instead of what is left. Returns why not: one invalid verb makes the list invalid. */
  set(list: unknown): string | undefined {
    return read(list, (verbs) => {
      this.#verbs = verbs;
      this.#wake();
    });
  }

  append(list: unknown): string | undefined {
    return read(list, (verbs) => {
      this.#verbs.push(...verbs);
      this.#wake();
    });
  }

  /** Ends the running verb, which still sends the hooks that are due. */
  abort(reason: EndOfVerb): void {
    this.#running?.abort(reason);
    this.#wake();
  }

  /** Nothing more is run. */
  stop(): void {
    this.#verbs = [];
    this.abort('hangup');
  }

  /** Resolves once the session is gone. `afterVerb` is told of every finished verb, with its failure if it failed. */
  async run(session: Session, afterVerb: (verb: Verb, failure: unknown) => void): Promise<void> {
    while (!session.gone) {
      const verb = this.#verbs.shift();
      if (verb === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const running = new AbortController();
      this.#running = running;
      let failure: unknown;
      try {
        await runVerb(session, verb, running.signal);
      } catch (error) {
        failure = error;
      }
      this.#running = undefined;
      afterVerb(verb, failure);
    }
  }
}

function read(list: unknown, use: (verbs: Verb[]) => void): string | undefined {
  try {
    use(parseVerbs(list));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'invalid verbs';
  }
}
