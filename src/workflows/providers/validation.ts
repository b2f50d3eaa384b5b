import addFormats from 'ajv-formats';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Mode, ProviderConfiguration, ProviderKind } from '../../payments/kind.ts';

/** More would not be read. */
const MOST_MISTAKES_TOLD = 5;
/** What a member may be called. What else stands in a name's place may be a value, or a secret in the wrong place. */
const MEMBER_NAME = /^[A-Za-z_][\w.-]{0,39}$/;

const validators = new WeakMap<ProviderKind, ValidateFunction>();

function validatorOf(kind: ProviderKind): ValidateFunction {
  let validate = validators.get(kind);
  if (validate === undefined) {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    validate = ajv.compile(kind.configurationSchema);
    validators.set(kind, validate);
  }
  return validate;
}

const isName = (text: unknown): text is string =>
  typeof text === 'string' && MEMBER_NAME.test(text) && !/\d{5,}/.test(text);

/** Names the member, never its value. */
function describe({ instancePath, message, params }: ErrorObject): string {
  const names = instancePath.split('/').slice(1);
  const path = names.map((name) => (/^\d+$/.test(name) || isName(name) ? name : '…')).join('/');
  const extra: unknown = (params as Record<string, unknown>)['additionalProperty'];
  return [
    path === '' ? 'configuration' : `configuration/${path}`,
    message ?? 'is not valid',
    ...(isName(extra) ? [`(${extra})`] : []),
  ].join(' ');
}

/** What JSON in the database cannot keep. */
const NOT_KEPT = /\0|\p{Surrogate}/u;

/** Where in a configuration there is text that cannot be kept, names of members included. */
function unkeptIn(value: unknown, path = 'configuration'): string | undefined {
  if (typeof value === 'string') return NOT_KEPT.test(value) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    if (NOT_KEPT.test(name)) return path;
    const found = unkeptIn(member, `${path}/${/^\d+$/.test(name) || isName(name) ? name : '…'}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Throws `provider_configuration`, which names the members that are wrong, or `wrong_mode` when the credentials are
 * those of the other mode.
 */
export function checkConfiguration(
  kind: ProviderKind,
  mode: Mode,
  configuration: ProviderConfiguration,
): void {
  const validate = validatorOf(kind);
  if (!validate(configuration)) {
    const mistakes = (validate.errors ?? []).slice(0, MOST_MISTAKES_TOLD).map(describe);
    throw new HushtoneError('provider_configuration', 'invalid', `${[...new Set(mistakes)].join('; ')}.`);
  }
  const unkept = unkeptIn(configuration);
  if (unkept !== undefined) {
    throw new HushtoneError(
      'provider_configuration',
      'invalid',
      `${unkept} holds U+0000 or half of a surrogate pair.`,
    );
  }
  const told = kind.modeOf(configuration);
  if (told === undefined || told === mode) return;
  throw new HushtoneError(
    'wrong_mode',
    'invalid',
    `These are ${told} credentials, and the provider is configured for the mode ${mode}.`,
  );
}
