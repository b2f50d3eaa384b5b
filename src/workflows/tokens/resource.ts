import type { CardToken } from '../../vault/tokens/card-token-store.ts';
import type { CardTokenResource, CardTokenStatus } from './contract.ts';
import { isExpired } from './usable.ts';

function statusOf(token: CardToken, now: Date): CardTokenStatus {
  if (token.deletedAt !== null) return 'deleted';
  return isExpired(token, now) ? 'expired' : 'active';
}

export function cardTokenResource(token: CardToken, now: Date): CardTokenResource {
  const { expiryMonth: month, expiryYear: year } = token;
  return {
    id: token.id,
    mode: token.mode,
    status: statusOf(token, now),
    ...(token.lookAlike !== null && { look_alike: token.lookAlike }),
    brand: token.brand,
    last4: token.last4,
    ...(token.bin !== null && { bin: token.bin }),
    ...(month !== null && year !== null && { expiry: { month, year } }),
    ...(token.fingerprintId !== null && { fingerprint: token.fingerprintId }),
    ...(token.customerReference !== null && { customer_reference: token.customerReference }),
    ...(token.captureId !== null && { capture_id: token.captureId }),
    created_at: token.createdAt.toISOString(),
    updated_at: token.updatedAt.toISOString(),
    ...(token.expiresAt !== null && { expires_at: token.expiresAt.toISOString() }),
    ...(token.deletedAt !== null && { deleted_at: token.deletedAt.toISOString() }),
    ...(token.deletedReason !== null && { deleted_reason: token.deletedReason }),
  };
}
