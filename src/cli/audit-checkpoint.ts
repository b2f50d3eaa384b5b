import { createPrivateKey } from 'node:crypto';
import { checkpointSigner } from '../audit/checkpoint.ts';
import { createCheckpointStore } from '../audit/checkpoint-store.ts';
import { makeCheckpoints } from '../audit/checkpointing.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadAuditSettings } from '../config/load-config.ts';
import { systemClock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { withDatabase } from './with-database.ts';

/** `hushtone audit checkpoint`: prints the last checkpoint of each chain, made now where the chain has grown. */
export async function runAuditCheckpoint({ account }: { readonly account?: string }): Promise<number> {
  const { signingKey } = loadAuditSettings(readEnvironment());
  if (signingKey === undefined) {
    throw new HushtoneError(
      'audit_key_missing',
      'invalid',
      'AUDIT_SIGNING_KEY_FILE is not set: nothing to sign with',
    );
  }
  const sign = await checkpointSigner(createPrivateKey(signingKey.reveal()));
  return await withDatabase(async (database) => {
    const store = createCheckpointStore(database);
    await makeCheckpoints({ store, sign, clock: systemClock }, account);
    for (const { jws } of await store.latest(account)) process.stdout.write(`${jws}\n`);
    return 0;
  });
}
