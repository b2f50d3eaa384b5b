import { HushtoneError } from '../../kernel/errors.ts';
import { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { KeyRing } from '../../vault/contract.ts';
import type { Secrets } from './configuration.ts';
import type { ProviderRecord, StoredSecret } from './provider-store.ts';

/** What a `SecretBuffer` holds; the PEM of an RSA key of 4096 bits fits. */
const LONGEST_SECRET_BYTES = 4096;
/** Of a shorter secret, four characters would tell too much. */
const SHORTEST_WITH_HINT = 16;
const HINT = /[A-Za-z0-9]{4}$/;

function hintOf(secret: unknown): string | null {
  if (typeof secret !== 'string' || secret.length < SHORTEST_WITH_HINT) return null;
  return HINT.exec(secret)?.[0] ?? null;
}

/**
 * Seals every secret on its own, bound to its provider and its place in the configuration. `versions`: those of the
 * secrets that they replace. Rejects with `provider_configuration` for one that is too long.
 */
export async function sealSecrets(
  ring: KeyRing,
  { id, accountId }: Pick<ProviderRecord, 'id' | 'accountId'>,
  secrets: Secrets,
  versions: ReadonlyMap<string, number> = new Map(),
): Promise<StoredSecret[]> {
  const sealed: StoredSecret[] = [];
  for (const [pointer, secret] of secrets) {
    const bytes = Buffer.from(JSON.stringify(secret));
    try {
      if (bytes.length > LONGEST_SECRET_BYTES) {
        throw new HushtoneError(
          'provider_configuration',
          'invalid',
          `configuration${pointer} is longer than ${LONGEST_SECRET_BYTES} bytes.`,
        );
      }
      using plaintext = new SecretBuffer(bytes.length);
      plaintext.appendBytes(bytes);
      const version = (versions.get(pointer) ?? 0) + 1;
      const context = { accountId, recordId: id, field: pointer, version };
      const value = await ring.seal('provider_credentials', context, plaintext);
      sealed.push({ ...value, pointer, version, hint: hintOf(secret) });
    } finally {
      bytes.fill(0);
    }
  }
  return sealed;
}

/** Rejects with `key_unusable` or `sealed_value_invalid`. */
export async function openSecrets(ring: KeyRing, record: ProviderRecord): Promise<Secrets> {
  const secrets = new Map<string, unknown>();
  for (const sealed of record.secrets) {
    const { pointer, version } = sealed;
    const context = { accountId: record.accountId, recordId: record.id, field: pointer, version };
    using plaintext = await ring.open('provider_credentials', context, sealed);
    const text = plaintext.use((bytes) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(),
    );
    secrets.set(pointer, JSON.parse(text));
  }
  return secrets;
}
