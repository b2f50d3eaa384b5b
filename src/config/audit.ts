import type { Config } from './config.ts';
import { readIdentity, readSigningKey } from './pem.ts';
import type { SettingReader } from './setting-reader.ts';

export function readAudit(reader: SettingReader, production: boolean): Config['audit'] {
  if (production && !reader.has('AUDIT_SIGNING_KEY_FILE')) {
    reader.missing('AUDIT_SIGNING_KEY_FILE', 'in production');
  }
  const signingKey = readSigningKey(reader, 'AUDIT_SIGNING_KEY_FILE');
  const certificate = reader.has('AUDIT_EXPORT_CERT_FILE');
  const key = reader.has('AUDIT_EXPORT_KEY_FILE');
  if (certificate && !key) reader.missing('AUDIT_EXPORT_KEY_FILE', 'with `AUDIT_EXPORT_CERT_FILE`');
  if (key && !certificate) reader.missing('AUDIT_EXPORT_CERT_FILE', 'with `AUDIT_EXPORT_KEY_FILE`');
  const exportIdentity = readIdentity(reader, 'AUDIT_EXPORT_CERT_FILE', 'AUDIT_EXPORT_KEY_FILE');
  return {
    checkpointSeconds: reader.integer('AUDIT_CHECKPOINT_SECONDS'),
    ...(signingKey !== undefined && { signingKey }),
    ...(exportIdentity !== undefined && { exportIdentity }),
  };
}
