import { Secret } from '../../secrets/secret.ts';
import { ERROR_CODES_SCHEMA, type ErrorCodes } from '../error-codes.ts';
import type { ProviderKind } from '../kind.ts';
import { refuseUnusableTls } from '../tls-material.ts';
import { ConnectorProvider } from './provider.ts';
import type { YearDigits } from './request.ts';

interface Written {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly ca?: string;
  readonly error_codes?: ErrorCodes;
  readonly expiry_year_digits?: YearDigits;
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * A gateway that takes payments as a generic pay connector: one address, Basic authentication (RFC 7617), charges and
 * tokens. Its credentials do not tell whether it moves money; the account's word on the mode stands.
 */
export const connectorKind: ProviderKind = {
  kind: 'connector',
  configurationSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['url', 'username', 'password'],
    properties: {
      url: { type: 'string', format: 'uri', pattern: '^https://', maxLength: 2048 },
      // RFC 7617: a user name has no colon, and neither part a control character.
      username: { type: 'string', pattern: '^[^:\\p{Cc}]{1,255}$' },
      password: { type: 'string', pattern: '^[^\\p{Cc}]{1,255}$', writeOnly: true },
      ca: { type: 'string', minLength: 1, maxLength: 16_384 },
      error_codes: ERROR_CODES_SCHEMA,
      expiry_year_digits: { enum: [2, 4], default: 2 },
      parameters: {
        type: 'object',
        maxProperties: 50,
        propertyNames: { type: 'string', minLength: 1, maxLength: 128 },
        additionalProperties: { type: 'string', maxLength: 1024 },
      },
    },
  },
  modeOf: () => undefined,
  connect(configuration, _mode, dependencies) {
    const { url, username, password, ca, error_codes, expiry_year_digits, parameters } =
      configuration as unknown as Written; // it has passed the schema above
    refuseUnusableTls({ ...(ca !== undefined && { ca }) });
    return new ConnectorProvider(
      {
        url: new URL(url),
        username,
        password: new Secret(password),
        ...(ca !== undefined && { ca }),
        errorCodes: error_codes ?? {},
        yearDigits: expiry_year_digits ?? 2,
        parameters: parameters ?? {},
      },
      dependencies,
    );
  },
};
