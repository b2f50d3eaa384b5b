import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { CallJournal, CallRecord } from '../contract.ts';

/** jambonz hangs up a call whose reconnect is not acked in 5 s. */
const JOURNAL_WITHIN_MS = 3000;

/**
 * What an earlier process put on record of a call; undefined when none did. `unreadable` is no answer: a lock may
 * stand on the call, so it must not be taken for a new one. Never rejects.
 */
export async function findRecord(
  callSid: string,
  {
    journal,
    clock,
    logger,
  }: { readonly journal: CallJournal; readonly clock: Clock; readonly logger: Logger },
): Promise<CallRecord | undefined | 'unreadable'> {
  const late = new Promise<'unreadable'>(
    (resolve) => void clock.after(JOURNAL_WITHIN_MS, () => resolve('unreadable')),
  );
  try {
    return await Promise.race([journal.findBySid(callSid), late]);
  } catch (error) {
    logger.error('the record of a call could not be read', { callSid, error });
    return 'unreadable';
  }
}
