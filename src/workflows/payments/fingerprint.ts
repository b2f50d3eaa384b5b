import { createHash } from 'node:crypto';
import { canonicalJson } from '../../audit/canonical-json.ts';
import type { Amount, Operation } from '../../payments/contract.ts';

/** What one request asks, but for the card. */
export interface AskedOf {
  readonly operation: Operation;
  readonly providerId: string;
  readonly amount?: Amount;
  readonly reference?: string;
}

/**
 * SHA-256 over the canonical JSON (RFC 8785) of what is asked. Nothing of the card is in it, so nothing of the card can
 * be guessed from it. A request that is sent again must have the same one.
 */
export function requestFingerprint({ operation, providerId, amount, reference }: AskedOf): Buffer {
  const asked = [operation, providerId, amount?.value ?? null, amount?.currency ?? null, reference ?? null];
  return createHash('sha256').update(canonicalJson(asked)).digest();
}
