import type { Role } from '../kernel/roles.ts';
import type { ClientKey } from './client-keys.ts';
import type { AddressBlocks } from './networks.ts';

/** A piece of software that asks for tokens in an account's name. */
export interface Client {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** What its tokens may allow at most. */
  readonly scopes: readonly string[];
  /** From where it may come; empty: from anywhere. */
  readonly networks: AddressBlocks;
  readonly publicKeys: readonly ClientKey[];
  readonly certificateBound: boolean;
  readonly createdAt: Date;
  readonly disabledAt?: Date;
}

/** A client's secret without what it is. */
export interface ClientSecretRecord {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt?: Date;
  readonly revokedAt?: Date;
  readonly lastUsedAt?: Date;
}

const CLIENT_ID = /^cli_[0-9a-z]{26}$/;

/** Could this be the id of a client? */
export function isClientId(text: string): boolean {
  return CLIENT_ID.test(text);
}

export function isSecretValid(secret: ClientSecretRecord, now: Date): boolean {
  return secret.revokedAt === undefined && (secret.expiresAt === undefined || secret.expiresAt > now);
}
