import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { createAuthority, DEVELOPMENT_ORGANISATION, issueLeaf, type Issued } from './certificate.ts';
import { withLockFile } from './directory-lock.ts';

const VALID_DAYS = 30;

/** A set that would run out on the way is made anew. */
const RENEWED_BEFORE_MS = 86_400_000;

/** RFC 7468 section 2 allows explanatory text before a PEM block: the mark travels with every copy of a key. */
const EXPLANATORY_TEXT = `${DEVELOPMENT_ORGANISATION}: never use in production\n`;

const CERTIFICATES = ['ca', 'server', 'provider', 'client', 'audit'] as const;

type CertificateName = (typeof CERTIFICATES)[number];

const TOKEN_SIGNING_KEY = 'token-signing-key.pem';
const AUDIT_SIGNING_KEY = 'audit-signing-key.pem';

const fileOf = (name: CertificateName): string => `${name}.pem`;
const keyFileOf = (name: CertificateName): string => `${name}-key.pem`;

const FILES = new Set([
  ...CERTIFICATES.flatMap((name) => [fileOf(name), keyFileOf(name)]),
  TOKEN_SIGNING_KEY,
  AUDIT_SIGNING_KEY,
]);

/** Paths of a certificate and its private key. */
export interface IdentityFiles {
  readonly certificate: string;
  readonly key: string;
}

/** Absolute paths of a development PKI. All files are PEM. */
export interface DevelopmentPki {
  readonly directory: string;
  readonly ca: IdentityFiles;
  /** Both listeners of the gateway: localhost, 127.0.0.1, ::1. */
  readonly server: IdentityFiles;
  /** The sandbox provider's server. */
  readonly provider: IdentityFiles;
  /** What the gateway shows to the provider. */
  readonly client: IdentityFiles;
  /** Signs the manifests of audit exports. */
  readonly audit: IdentityFiles;
  /** Ed25519, PKCS#8. */
  readonly tokenSigningKey: string;
  /** Ed25519, PKCS#8: signs audit checkpoints. */
  readonly auditSigningKey: string;
}

function pathsOf(directory: string): DevelopmentPki {
  const identity = (name: CertificateName): IdentityFiles => ({
    certificate: join(directory, fileOf(name)),
    key: join(directory, keyFileOf(name)),
  });
  return {
    directory,
    ca: identity('ca'),
    server: identity('server'),
    provider: identity('provider'),
    client: identity('client'),
    audit: identity('audit'),
    tokenSigningKey: join(directory, TOKEN_SIGNING_KEY),
    auditSigningKey: join(directory, AUDIT_SIGNING_KEY),
  };
}

/** Is the set whole, of one making, and valid for another day? */
async function isUsable(pki: DevelopmentPki, now: Date): Promise<boolean> {
  try {
    const ca = new X509Certificate(await readFile(pki.ca.certificate));
    for (const { certificate, key } of [pki.ca, pki.server, pki.provider, pki.client, pki.audit]) {
      const parsed = new X509Certificate(await readFile(certificate));
      const runsOut = Date.parse(parsed.validTo) - now.getTime() < RENEWED_BEFORE_MS;
      if (runsOut || Date.parse(parsed.validFrom) > now.getTime() || !parsed.verify(ca.publicKey))
        return false;
      if (!parsed.checkPrivateKey(createPrivateKey(await readFile(key)))) return false;
    }
    const keys = await Promise.all([readFile(pki.tokenSigningKey), readFile(pki.auditSigningKey)]);
    return keys.every((key) => createPrivateKey(key).asymmetricKeyType === 'ed25519');
  } catch {
    return false; // a file is missing or broken: that is what "not usable" means
  }
}

async function writeIdentity(files: IdentityFiles, { certificate, key }: Issued): Promise<void> {
  await writeFile(files.certificate, certificate, { mode: 0o644 });
  await writeFile(files.key, EXPLANATORY_TEXT + key, { mode: 0o600 });
}

async function writeSigningKey(file: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await writeFile(file, EXPLANATORY_TEXT + pem, { mode: 0o600 });
}

async function writeSet(pki: DevelopmentPki, now: Date): Promise<void> {
  const validity = { from: now, days: VALID_DAYS };
  const ca = await createAuthority('Development CA', validity);
  const [server, provider, client, audit] = await Promise.all([
    issueLeaf(ca, { commonName: 'gateway', usage: 'server' }, validity),
    issueLeaf(ca, { commonName: 'sandbox provider', usage: 'server' }, validity),
    issueLeaf(ca, { commonName: 'gateway as client', usage: 'client' }, validity),
    issueLeaf(ca, { commonName: 'audit exports', usage: 'signing' }, validity),
  ]);
  await writeIdentity(pki.ca, ca);
  await writeIdentity(pki.server, server);
  await writeIdentity(pki.provider, provider);
  await writeIdentity(pki.client, client);
  await writeIdentity(pki.audit, audit);
  await writeSigningKey(pki.tokenSigningKey);
  await writeSigningKey(pki.auditSigningKey);
}

/** The directory is replaced as a whole, so it must hold nothing of anyone else. */
async function refuseForeignFiles(directory: string): Promise<void> {
  const entries = await readdir(directory).catch(() => []);
  const foreign = entries.find((entry) => !FILES.has(entry));
  if (foreign === undefined) return;
  throw new HushtoneError(
    'pki_directory_in_use',
    'conflict',
    `${directory} holds ${foreign}, which the development PKI did not make; name a directory of its own`,
  );
}

async function replaceSet(directory: string, now: Date): Promise<void> {
  await refuseForeignFiles(directory);
  // Beside the target, so that the renames stay within one file system and are atomic.
  const made = await mkdtemp(`${directory}.new-`);
  try {
    await writeSet(pathsOf(made), now);
    await rm(directory, { recursive: true, force: true });
    await rename(made, directory).catch(async (error: unknown) => {
      // A lock that a killed process left can, in a narrow race, be taken twice: then the other's set is as good.
      if (!(await isUsable(pathsOf(directory), now))) throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/**
 * A certificate authority, certificates and signing keys for development and tests, valid for 30 days.
 *
 * A set that is whole and valid for another day is left as it is; otherwise the whole set is made anew. Several
 * processes may call it at once: they all get the same set. Throws `pki_directory_in_use` when the directory holds
 * files of someone else.
 */
export async function createDevelopmentPki(
  directory: string,
  clock: Clock = systemClock,
): Promise<DevelopmentPki> {
  const pki = pathsOf(resolve(directory));
  if (await isUsable(pki, clock.now())) return pki;
  await mkdir(dirname(pki.directory), { recursive: true });
  await withLockFile(`${pki.directory}.lock`, async () => {
    if (!(await isUsable(pki, clock.now()))) await replaceSet(pki.directory, clock.now());
  });
  return pki;
}
