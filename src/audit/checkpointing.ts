import type { Clock, Timer } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CheckpointSigner } from './checkpoint.ts';
import type { CheckpointStore } from './checkpoint-store.ts';

export interface CheckpointingOptions {
  readonly store: CheckpointStore;
  readonly sign: CheckpointSigner;
  readonly clock: Clock;
}

/** Signs where the chains stand that have grown since their last checkpoint. Returns how many there were. */
export async function makeCheckpoints(
  { store, sign, clock }: CheckpointingOptions,
  accountId?: string,
): Promise<number> {
  const heads = await store.due(accountId);
  for (const head of heads) {
    const at = clock.now();
    const { accountId: account, sequence, hash } = head;
    const jws = await sign({ account, sequence, hash, at: at.toISOString() });
    await store.save({ accountId: account, sequence, jws }, at);
  }
  return heads.length;
}

export interface Checkpointing {
  /** Resolves when the round that is under way is over. */
  stop(): Promise<void>;
}

/** Makes checkpoints at the start and then regularly. */
export function startCheckpointing(
  options: CheckpointingOptions & { readonly everyMs: number; readonly logger: Logger },
): Checkpointing {
  const { clock, logger, everyMs } = options;
  let timer: Timer | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      const count = await makeCheckpoints(options);
      if (count > 0) logger.info('audit checkpoints signed', { count });
    } catch (error) {
      logger.error('audit checkpoints not signed', { error });
    }
    if (!stopped) {
      timer = clock.after(everyMs, () => {
        running = round();
      });
    }
  };
  let running = round();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}
