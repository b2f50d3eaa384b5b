import { createHash } from 'node:crypto';
import { requireMembers } from './exchange.ts';
import type { SandboxModification } from './ledger.ts';
import { readAmount, readIdempotencyKey, readReference } from './payment-request.ts';

/** The last segment of a modification's path. */
export const MODIFICATIONS: Readonly<Record<string, SandboxModification>> = {
  captures: 'capture',
  voids: 'void',
  refunds: 'refund',
};

export interface SandboxModificationRequest {
  readonly idempotencyKey: string;
  readonly modification: SandboxModification;
  readonly chargeId: string;
  /** ISO 4217, minor units; absent for `void`. */
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly reference?: string;
  readonly fingerprint: string;
}

/** Reads a capture, void or refund strictly. Throws a `Problem` with 400. */
export function readModificationRequest(
  body: Record<string, unknown>,
  idempotencyHeader: string | undefined,
  modification: SandboxModification,
  chargeId: string,
): SandboxModificationRequest {
  const amountMember = modification === 'void' ? [] : ['amount'];
  requireMembers(body, ['idempotency_key', ...amountMember], ['reference']);
  const amount = modification === 'void' ? undefined : readAmount(body['amount']);
  const reference = readReference(body['reference'], 'reference');
  const rest = {
    idempotencyKey: readIdempotencyKey(body['idempotency_key'], idempotencyHeader),
    modification,
    chargeId,
    ...(amount !== undefined && { amount }),
    ...(reference !== undefined && { reference }),
  };
  const content = [modification, chargeId, amount?.value, amount?.currency, reference];
  return { ...rest, fingerprint: createHash('sha256').update(JSON.stringify(content)).digest('hex') };
}
