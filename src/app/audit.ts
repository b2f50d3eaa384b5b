import { createPrivateKey } from 'node:crypto';
import { checkpointSigner } from '../audit/checkpoint.ts';
import { createCheckpointStore } from '../audit/checkpoint-store.ts';
import { startCheckpointing } from '../audit/checkpointing.ts';
import { createCmsSigner } from '../pki/cms.ts';
import { createAuditDesk } from '../workflows/audit-desk.ts';
import type { AuditDesk } from '../workflows/contract.ts';
import type { StartupWithDatabase } from './startup.ts';

/** The audit trail as clients see it, and checkpoints of its chains for as long as the process runs. */
export async function startAudit(startup: StartupWithDatabase): Promise<AuditDesk> {
  await startCheckpoints(startup);
  const { config, database, clock, logger } = startup;
  const { exportIdentity } = config.audit;
  const signManifest =
    exportIdentity &&
    createCmsSigner({ certificate: exportIdentity.certificate, key: exportIdentity.key.reveal() });
  return createAuditDesk({ database, clock, logger, ...(signManifest && { signManifest }) });
}

async function startCheckpoints({
  config,
  database,
  clock,
  logger,
  stopper,
}: StartupWithDatabase): Promise<void> {
  const { signingKey, checkpointSeconds } = config.audit;
  if (signingKey === undefined) {
    logger.warn('no AUDIT_SIGNING_KEY_FILE: the audit trail gets no checkpoints');
    return;
  }
  const checkpointing = startCheckpointing({
    store: createCheckpointStore(database),
    sign: await checkpointSigner(createPrivateKey(signingKey.reveal())),
    everyMs: checkpointSeconds * 1000,
    clock,
    logger,
  });
  stopper.add('audit checkpoints', async () => await checkpointing.stop());
}
