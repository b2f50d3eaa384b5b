import { setTimeout as pause } from 'node:timers/promises';
import { startGateway, type GatewayProcess } from '../../../simulators/stack/gateway-process.ts';
import type { PaymentPoint } from '../../../src/workflows/payments/points.ts';

/** Where a gateway dies, and when it comes there for how manieth time. */
export interface Death {
  readonly point: PaymentPoint;
  readonly arrival: number;
}

export interface DyingGatewayOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly deaths: readonly Death[];
  readonly random: () => number;
  readonly onDeath: (point: PaymentPoint) => void;
}

/** A start may meet a database that is just away. */
const MOST_STARTS = 10;
/** Long, for a machine that has much else to do. */
const STARTED_WITHIN_MS = 180_000;
/** At `after_send` the request is on its way: it dies before, while or after it arrives. */
const LONGEST_WAY_MS = 60;
const LOOK_EVERY_MS = 10;

/**
 * A gateway that is killed with SIGKILL again and again, and started anew as a service manager would; after the last
 * of its deaths it stays.
 */
export class DyingGateway {
  readonly #options: DyingGatewayOptions;
  readonly #up: Promise<void>;
  readonly #done: Promise<void>;
  readonly #stopping = new AbortController();
  #process: GatewayProcess | undefined;

  constructor(options: DyingGatewayOptions) {
    this.#options = options;
    let resolveUp: () => void = () => undefined;
    this.#up = new Promise((resolve) => {
      resolveUp = resolve;
    });
    this.#done = this.#live(resolveUp);
    this.#done.catch(() => undefined);
  }

  /** Resolves when it takes requests for the first time. */
  async up(): Promise<void> {
    await Promise.race([this.#up, this.#done]);
  }

  /** Resolves when it has died as often as it was to, and is up. */
  async survived(): Promise<void> {
    await this.#done;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#process?.stop();
    await this.#done.catch(() => undefined);
  }

  async #live(up: () => void): Promise<void> {
    for (const { point, arrival } of this.#options.deaths) {
      const running = await this.#start({ CHAOS_KILL_AT: point, CHAOS_KILL_ARRIVAL: String(arrival) });
      up();
      if (point === 'after_send') await this.#killAtSend(running);
      const code = await running.exited;
      if (this.#stopping.signal.aborted) return;
      // Killed it has none.
      if (code !== null) throw new Error(`a gateway ended by itself:\n${running.log.slice(-20).join('\n')}`);
      this.#options.onDeath(point);
    }
    await this.#start({});
    up();
  }

  /** Rejects when it does not start, or is to stop. */
  async #start(chaos: Record<string, string>): Promise<GatewayProcess> {
    const { signal } = this.#stopping;
    for (let tries = 1; ; tries += 1) {
      signal.throwIfAborted();
      try {
        this.#process = await startGateway({ ...this.#options.environment, ...chaos }, STARTED_WITHIN_MS);
        break;
      } catch (error) {
        if (tries === MOST_STARTS) throw error;
      }
    }
    if (signal.aborted) await this.#process.stop();
    signal.throwIfAborted();
    return this.#process;
  }

  async #killAtSend(running: GatewayProcess): Promise<void> {
    const ended = running.exited.then(() => true);
    let seen = 0;
    for (;;) {
      const reached = running.log.slice(seen).some((line) => line.includes('"event":"after_send"'));
      seen = running.log.length;
      if (reached) break;
      if (await Promise.race([ended, pause(LOOK_EVERY_MS, false)])) return;
    }
    await pause(this.#options.random() * LONGEST_WAY_MS);
    await running.kill();
  }
}
