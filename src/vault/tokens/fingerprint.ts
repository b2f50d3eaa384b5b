import { SecretBuffer } from '../../secrets/secret-buffer.ts';

/** Names the encoding: a later one cannot be mistaken for it. */
const DOMAIN = 'hushtone card fingerprint v1';

export interface FingerprintContext {
  readonly accountId: string;
  readonly mode: 'test' | 'live';
}

/**
 * What a fingerprint is the HMAC of (PCI DSS 3.5.1.1: keyed, and over the whole number): the same for a card within an
 * account and a mode, different everywhere else. No part runs over into the next: none holds the separator. To be wiped
 * by the caller.
 */
export function fingerprintMessage(
  { accountId, mode }: FingerprintContext,
  cardNumber: SecretBuffer,
): SecretBuffer {
  const context = Buffer.from([DOMAIN, accountId, mode, ''].join('\0'));
  const message = new SecretBuffer(context.length + cardNumber.length);
  message.appendBytes(context);
  cardNumber.use((bytes) => message.appendBytes(bytes));
  return message;
}
