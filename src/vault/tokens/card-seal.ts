import type { SealContext } from '../contract.ts';

/** Where a token's card number belongs: sealed there, it opens in no other row, account, field or version. */
export function cardNumberContext(accountId: string, tokenId: string, version: number): SealContext {
  return { accountId, recordId: tokenId, field: 'card_number', version };
}
