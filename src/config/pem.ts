import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { Secret } from '../secrets/secret.ts';
import type { TlsIdentity } from './config.ts';
import { certificatesOf } from './development-material.ts';
import type { SettingReader } from './setting-reader.ts';

type CertificateSetting =
  | 'TLS_CERT_FILE'
  | 'PROVIDER_CA_FILE'
  | 'PROVIDER_CLIENT_CERT_FILE'
  | 'AUDIT_EXPORT_CERT_FILE'
  | 'EXTERNAL_JWKS_CA_FILE';
type KeySetting = 'TLS_KEY_FILE' | 'PROVIDER_CLIENT_KEY_FILE' | 'AUDIT_EXPORT_KEY_FILE';
type SigningKeySetting = 'TOKEN_SIGNING_KEY_FILE' | 'AUDIT_SIGNING_KEY_FILE';

function parseCertificates(pem: string): X509Certificate[] {
  try {
    return certificatesOf(pem).map((certificate) => new X509Certificate(certificate));
  } catch {
    return [];
  }
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** The PEM certificates of a file, all of them well-formed. Undefined when unset or reported. */
export function readCertificates(reader: SettingReader, name: CertificateSetting): string | undefined {
  const pem = reader.file(name);
  if (pem === undefined) return undefined;
  if (parseCertificates(pem).length > 0) return pem;
  reader.report(name, 'the file holds no PEM certificate, or a broken one');
  return undefined;
}

/** A certificate and the key that belongs to it. Undefined when neither is set, or when something was reported. */
export function readIdentity(
  reader: SettingReader,
  certificateName: CertificateSetting,
  keyName: KeySetting,
): TlsIdentity | undefined {
  const certificate = readCertificates(reader, certificateName);
  const pem = reader.file(keyName);
  const key = pem === undefined ? undefined : parseKey(pem);
  if (pem !== undefined && key === undefined) {
    reader.report(keyName, 'the file holds no private key that can be read');
  }
  if (certificate === undefined || pem === undefined || key === undefined) return undefined;
  if (parseCertificates(certificate)[0]?.checkPrivateKey(key) !== true) {
    reader.report(keyName, `the key does not belong to the certificate of ${certificateName}`);
    return undefined;
  }
  return { certificate, key: new Secret(pem) };
}

/**
 * An Ed25519 private key, PKCS#8 PEM (RFC 8410). It is written anew without any explanatory text around it, which
 * some readers of PEM refuse.
 */
export function readSigningKey(reader: SettingReader, name: SigningKeySetting): Secret | undefined {
  const pem = reader.file(name);
  if (pem === undefined) return undefined;
  const key = pem.includes('-----BEGIN PRIVATE KEY-----') ? parseKey(pem) : undefined;
  if (key?.asymmetricKeyType !== 'ed25519') {
    reader.report(name, 'the file holds no Ed25519 private key in PKCS#8 PEM');
    return undefined;
  }
  return new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString());
}

function parsePublicKey(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

/** Ed25519 keys that verify tokens, public halves as SPKI PEM. A file may hold the private key as well. */
export function readVerificationKeys(reader: SettingReader): string[] {
  return reader.fileList('TOKEN_PREVIOUS_KEY_FILES').flatMap(({ path, text }) => {
    const key = parsePublicKey(text);
    if (key?.asymmetricKeyType === 'ed25519') {
      return [key.export({ type: 'spki', format: 'pem' }).toString()];
    }
    reader.report('TOKEN_PREVIOUS_KEY_FILES', `${path} holds no Ed25519 key in PEM`);
    return [];
  });
}
