import { Secret } from '../secrets/secret.ts';
import type { Config, ExternalIssuerConfig } from './config.ts';
import { readCertificates, readSigningKey, readVerificationKeys } from './pem.ts';
import type { SettingReader } from './setting-reader.ts';

const TOKEN_NAME = /^\S{1,255}$/;
/** Stands in for a value that was reported. */
const NOTHING = new Secret('');

function readKeySource(reader: SettingReader): ExternalIssuerConfig['keys'] | undefined {
  const url = reader.url('EXTERNAL_JWKS_URL', ['https:']);
  const ca = readCertificates(reader, 'EXTERNAL_JWKS_CA_FILE');
  const jwks = reader.file('EXTERNAL_JWKS_FILE');
  if (reader.has('EXTERNAL_JWKS_URL') === reader.has('EXTERNAL_JWKS_FILE')) {
    reader.report(
      'EXTERNAL_JWKS_URL',
      'is set together with `EXTERNAL_JWKS_FILE`, or neither is',
      'one of the two',
    );
  }
  if (jwks !== undefined) {
    if (isKeySet(jwks)) return { jwks };
    reader.report('EXTERNAL_JWKS_FILE', 'the file holds no JWK set');
  }
  return url && { url: url.href, ...(ca !== undefined && { ca }) };
}

function isKeySet(text: string): boolean {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    return Array.isArray(keys) && keys.length > 0;
  } catch {
    return false;
  }
}

function readExternalIssuer(reader: SettingReader): ExternalIssuerConfig | undefined {
  const issuer = reader.text('EXTERNAL_ISSUER', TOKEN_NAME);
  const audience = reader.text('EXTERNAL_AUDIENCE', TOKEN_NAME);
  const rest = {
    algorithm: reader.choice('EXTERNAL_ALGORITHM'),
    tokenType: reader.choice('EXTERNAL_TOKEN_TYPE'),
    accountClaim: reader.text('EXTERNAL_ACCOUNT_CLAIM', TOKEN_NAME) ?? '',
    rolesClaim: reader.text('EXTERNAL_ROLES_CLAIM', TOKEN_NAME) ?? '',
  };
  if (issuer === undefined) return undefined;
  if (issuer === reader.text('TOKEN_ISSUER')) {
    reader.report('EXTERNAL_ISSUER', 'is `TOKEN_ISSUER`', 'the name of another issuer');
  }
  if (audience === undefined) reader.missing('EXTERNAL_AUDIENCE', 'with `EXTERNAL_ISSUER`');
  const keys = readKeySource(reader);
  if (audience === undefined || keys === undefined) return undefined;
  return { issuer, audience, keys, ...rest };
}

export function readTokens(reader: SettingReader): Config['tokens'] {
  if (!reader.has('TOKEN_SIGNING_KEY_FILE')) reader.missing('TOKEN_SIGNING_KEY_FILE', 'always');
  const external = readExternalIssuer(reader);
  return {
    issuer: reader.text('TOKEN_ISSUER', TOKEN_NAME) ?? '',
    audience: reader.text('TOKEN_AUDIENCE', TOKEN_NAME) ?? '',
    signingKey: readSigningKey(reader, 'TOKEN_SIGNING_KEY_FILE') ?? NOTHING,
    previousKeys: readVerificationKeys(reader),
    ...(external !== undefined && { external }),
  };
}
