import { HushtoneError } from '../../kernel/errors.ts';
import { Secret } from '../../secrets/secret.ts';
import { ERROR_CODES_SCHEMA, type ErrorCodes } from '../error-codes.ts';
import type { Mode, ProviderConfiguration, ProviderKind } from '../kind.ts';
import { refuseUnusableTls } from '../tls-material.ts';
import { refuseReservedHeaders } from './compile.ts';
import { TemplateProvider } from './provider.ts';
import { TEMPLATE_SCHEMA, type Template } from './template.ts';
import { SHIPPED_TEMPLATES } from './templates/index.ts';

interface Written {
  /** The name of a shipped template, or a template. */
  readonly template: string | Template;
  readonly url?: string;
  readonly username?: string;
  readonly credential: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly error_codes?: ErrorCodes;
  readonly ca?: string;
}

const VISIBLE = '^[\\x20-\\x7e]*$';

/** A vault-style tokenizer: it keeps cards and charges none. */
export const templateKind: ProviderKind = {
  kind: 'template',
  configurationSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['template', 'credential'],
    properties: {
      template: { anyOf: [{ enum: Object.keys(SHIPPED_TEMPLATES) }, TEMPLATE_SCHEMA] },
      url: { type: 'string', format: 'uri', pattern: '^https://', maxLength: 2048 },
      username: { type: 'string', pattern: '^[^:\\p{Cc}]{1,255}$' },
      credential: { type: 'string', pattern: '^[\\x21-\\x7e]{1,1024}$', writeOnly: true },
      headers: {
        type: 'object',
        maxProperties: 20,
        propertyNames: { type: 'string', pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$" },
        additionalProperties: { type: 'string', pattern: VISIBLE, maxLength: 1024 },
      },
      error_codes: ERROR_CODES_SCHEMA,
      ca: { type: 'string', minLength: 1, maxLength: 16_384 },
    },
  },
  modeOf(configuration) {
    const { template, credential } = asTemplate(configuration);
    const { test = [], live = [] } = templateOf(template).credential_prefixes ?? {};
    const fits = [
      ...test.map((prefix) => ({ mode: 'test' as const, prefix })),
      ...live.map((prefix) => ({ mode: 'live' as const, prefix })),
    ].filter(({ prefix }) => credential.startsWith(prefix));
    return fits.toSorted((left, right) => right.prefix.length - left.prefix.length)[0]?.mode;
  },
  connect(configuration, mode, dependencies) {
    const written = asTemplate(configuration);
    const { username, credential, headers = {}, error_codes, ca, url } = written;
    const template = templateOf(written.template);
    refuseReservedHeaders(headers, 'configured headers');
    refuseUnusableTls({ ...(ca !== undefined && { ca }) });
    return new TemplateProvider(
      {
        template,
        url: addressOf(url, template, mode),
        headers,
        credentials: credentialsOf(template, username, credential),
        credential: new Secret(credential),
        ...(ca !== undefined && { ca }),
        errorCodes: error_codes ?? {},
      },
      dependencies,
    );
  },
};

function templateOf(template: string | Template): Template {
  if (typeof template !== 'string') return template;
  const shipped = Object.hasOwn(SHIPPED_TEMPLATES, template) ? SHIPPED_TEMPLATES[template] : undefined;
  if (shipped !== undefined) return shipped;
  throw refused(`There is no template of this name; there are ${Object.keys(SHIPPED_TEMPLATES).join(', ')}.`);
}

function addressOf(url: string | undefined, template: Template, mode: Mode): URL {
  const address = url ?? template.url?.[mode];
  if (address === undefined)
    throw refused(`The template has no address for ${mode} payments: name it as url.`);
  return new URL(address);
}

function credentialsOf(
  { authentication }: Template,
  username: string | undefined,
  credential: string,
): Record<string, Secret> {
  if (authentication.scheme === 'header') return { [authentication.name]: new Secret(credential) };
  if (authentication.scheme === 'bearer') return { authorization: new Secret(`Bearer ${credential}`) };
  if (username === undefined) throw refused('This tokenizer wants a username beside the credential.');
  const basic = Buffer.from(`${username}:${credential}`).toString('base64');
  return { authorization: new Secret(`Basic ${basic}`) };
}

function refused(message: string): HushtoneError {
  return new HushtoneError('provider_configuration', 'invalid', message);
}

/** It has passed the schema above. */
function asTemplate(configuration: ProviderConfiguration): Written {
  return configuration as unknown as Written;
}
