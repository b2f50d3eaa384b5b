import type { AuditEntry } from '../../audit/entry.ts';
import type { Queryable } from '../../db/database.ts';
import type { CaptureResource } from '../contract.ts';
import { lockPaymentOfCapture, updatePayment } from '../stores/payment-store.ts';
import { paymentStatusChanged } from './audit.ts';

/**
 * A capture that ends before anything was sent ends its payment too, in the same transaction: `voided`, or `failed` when
 * it had been submitted. Gives what is to be recorded of it.
 */
export async function endUnsentPayment(db: Queryable, capture: CaptureResource): Promise<AuditEntry[]> {
  if (capture.purpose === 'tokenize') return [];
  const payment = await lockPaymentOfCapture(db, capture.id);
  if (payment?.status !== 'requires_capture') return [];
  const updatedAt = new Date(capture.updated_at);
  const ended =
    capture.payment === undefined
      ? { ...payment, status: 'voided' as const, updatedAt }
      : { ...payment, status: 'failed' as const, failure: capture.reason ?? capture.status, updatedAt };
  await updatePayment(db, ended);
  return [paymentStatusChanged(payment, ended, `capture_${capture.status}`)];
}
