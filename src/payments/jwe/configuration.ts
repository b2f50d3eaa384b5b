import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { HushtoneError } from '../../kernel/errors.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Modification, Operation, ProviderCapabilities, Purpose } from '../contract.ts';
import { parseEnvelopeKey } from '../envelope-key.ts';
import type { ErrorCodes } from '../error-codes.ts';
import { parseSigningKey, type SignatureAlgorithm, type SigningKey } from '../http-signature/algorithms.ts';
import type { DigestAlgorithm } from '../http-signature/content-digest.ts';
import type { ProviderConfiguration } from '../kind.ts';
import {
  ANSWER_MEMBERS,
  placed,
  REQUEST_MEMBERS,
  type AnswerNames,
  type RequestMember,
  type RequestNames,
} from './members.ts';
import { PRESETS, type EnvelopeFormat, type PresetName } from './presets.ts';

/** As the schema has it; see there for what each is. */
interface Written {
  readonly base_url: string;
  readonly ca?: string;
  readonly client_certificate: string;
  readonly client_key: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly preset: PresetName;
  readonly envelope?: {
    readonly field?: string;
    readonly enc?: EnvelopeFormat['enc'];
    readonly iat?: EnvelopeFormat['iat'];
    readonly header?: Readonly<Record<string, string | number | boolean>>;
  };
  readonly encryption_key: string | Readonly<Record<string, unknown>>;
  readonly encryption_key_id: string;
  readonly signature?: {
    readonly algorithm: SignatureAlgorithm;
    readonly key: string;
    readonly key_id: string;
    readonly components?: readonly string[];
    readonly digest?: DigestAlgorithm;
    readonly label?: string;
    readonly nonce?: boolean;
    readonly name_algorithm?: boolean;
    readonly tag?: string;
  };
  readonly paths: Readonly<Partial<Record<Operation | 'lookup' | 'check', string>>>;
  readonly idempotency_header?: string;
  readonly members?: Readonly<Partial<RequestNames>>;
  readonly fixed_members?: Readonly<Record<string, string | number | boolean>>;
  readonly amount_format?: 'minor_units' | 'decimal';
  readonly stored_cards?: boolean;
  readonly partial_amounts?: boolean;
  readonly absence_proven_after_s?: number;
  readonly answers?: {
    readonly protection?: 'none' | 'jwe' | 'jws';
    readonly field?: string;
    readonly decryption_key?: string;
    readonly verification_key?: string | Readonly<Record<string, unknown>>;
    readonly members?: Readonly<Partial<AnswerNames>>;
    readonly succeeded?: readonly string[];
    readonly declined?: readonly string[];
    readonly not_found_code?: string;
    readonly decline_codes?: ErrorCodes;
  };
}

export interface JweConfiguration {
  readonly url: URL;
  readonly ca?: string;
  readonly clientCert: string;
  readonly clientKey: Secret;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly envelope: EnvelopeFormat & {
    readonly header: Readonly<Record<string, string | number | boolean>>;
  };
  readonly recipient: { readonly keyId: string; readonly publicKey: KeyObject };
  readonly signature?: Signature;
  readonly paths: Written['paths'];
  readonly idempotencyHeader: string;
  readonly members: RequestNames;
  readonly fixedMembers: readonly (readonly [string, string | number | boolean])[];
  readonly amountFormat: 'minor_units' | 'decimal';
  readonly answers: AnswerFormat;
  readonly capabilities: ProviderCapabilities;
}

export interface Signature {
  readonly key: SigningKey;
  readonly keyId: string;
  readonly components: readonly string[];
  readonly digest: DigestAlgorithm;
  readonly label: string;
  readonly nonce: boolean;
  readonly namesAlgorithm: boolean;
  readonly tag?: string;
}

export type AnswerProtection =
  | { readonly kind: 'none' }
  | { readonly kind: 'jwe'; readonly key: KeyObject }
  | { readonly kind: 'jws'; readonly key: KeyObject };

export interface AnswerFormat {
  readonly protection: AnswerProtection;
  readonly field?: string;
  readonly members: AnswerNames;
  readonly succeeded: readonly string[];
  readonly declined: readonly string[];
  readonly notFoundCode: string;
  readonly declineCodes: ErrorCodes;
}

const PURPOSES: readonly Purpose[] = ['charge', 'authorize', 'tokenize', 'charge_and_save'];
const MODIFICATIONS: readonly Modification[] = ['capture', 'void', 'refund'];

/** What a signature must cover to be worth anything: where the request goes and what it says. */
const COVERED: readonly string[] = ['@method', '@target-uri', 'content-type', 'content-digest'];

const ABSENCE_PROVEN_AFTER_S = 120;

/** `written` has passed the schema. Throws `provider_configuration` with what is wrong. */
export function readConfiguration(configuration: ProviderConfiguration): JweConfiguration {
  const written = configuration as unknown as Written;
  const preset: EnvelopeFormat = PRESETS[written.preset];
  const { header = {}, ...changed } = written.envelope ?? {};
  const read: JweConfiguration = {
    url: new URL(written.base_url),
    ...(written.ca !== undefined && { ca: written.ca }),
    clientCert: written.client_certificate,
    clientKey: new Secret(written.client_key),
    headers: Object.fromEntries(
      Object.entries(written.headers ?? {}).map(([name, value]) => [name, new Secret(value)]),
    ),
    envelope: { ...preset, ...changed, header },
    recipient: {
      keyId: written.encryption_key_id,
      publicKey: parseEnvelopeKey(written.encryption_key),
    },
    ...(written.signature !== undefined && { signature: readSignature(written.signature) }),
    paths: written.paths,
    idempotencyHeader: written.idempotency_header ?? 'idempotency-key',
    members: { ...REQUEST_MEMBERS, ...written.members },
    fixedMembers: Object.entries(written.fixed_members ?? {}),
    amountFormat: written.amount_format ?? 'minor_units',
    answers: readAnswers(written.answers ?? {}, preset.field),
    capabilities: capabilitiesOf(written),
  };
  refuseMembersInTheWay(read);
  refuseUnsentComponents(read);
  refuseForeignClientKey(written);
  return read;
}

function capabilitiesOf(written: Written): ProviderCapabilities {
  const { paths } = written;
  const purposes = PURPOSES.filter((purpose) => paths[purpose] !== undefined);
  if (purposes.length === 0) throw refused('paths names no operation that takes a card');
  const saves = purposes.includes('tokenize') || purposes.includes('charge_and_save');
  return {
    purposes,
    modifications: MODIFICATIONS.filter((modification) => paths[modification] !== undefined),
    partialAmounts: written.partial_amounts ?? true,
    storedCards: written.stored_cards ?? saves,
    pin: false,
    recovery: paths.lookup === undefined ? 'replay' : 'lookup',
    absenceProvenAfterMs: (written.absence_proven_after_s ?? ABSENCE_PROVEN_AFTER_S) * 1000,
  };
}

function readSignature(written: NonNullable<Written['signature']>): Signature {
  const components = written.components ?? COVERED;
  const uncovered = COVERED.find((component) => !components.includes(component));
  // `@target-uri` may be told by its parts.
  const parts = ['@authority', '@path', '@query'].every((part) => components.includes(part));
  if (uncovered !== undefined && !(uncovered === '@target-uri' && parts)) {
    throw refused(`the signature has to cover ${uncovered}`);
  }
  if (components.length !== new Set(components).size) throw refused('the signature covers a component twice');
  return {
    key: signingKey(written.algorithm, written.key),
    keyId: written.key_id,
    components,
    digest: written.digest ?? 'sha-256',
    label: written.label ?? 'sig1',
    nonce: written.nonce ?? true,
    namesAlgorithm: written.name_algorithm ?? true,
    ...(written.tag !== undefined && { tag: written.tag }),
  };
}

function signingKey(algorithm: SignatureAlgorithm, text: string): SigningKey {
  try {
    return parseSigningKey(algorithm, text);
  } catch (error) {
    throw error instanceof HushtoneError ? refused(error.message) : error;
  }
}

function readAnswers(
  written: NonNullable<Written['answers']>,
  presetField: string | undefined,
): AnswerFormat {
  const protection = protectionOf(written);
  const field = written.field ?? (protection.kind === 'none' ? undefined : presetField);
  return {
    protection,
    ...(field !== undefined && { field }),
    members: { ...ANSWER_MEMBERS, ...written.members },
    succeeded: written.succeeded ?? ['succeeded'],
    declined: written.declined ?? ['declined'],
    notFoundCode: written.not_found_code ?? 'payment_not_found',
    declineCodes: written.decline_codes ?? {},
  };
}

function protectionOf(written: NonNullable<Written['answers']>): AnswerProtection {
  switch (written.protection) {
    case 'jwe':
      return { kind: 'jwe', key: decryptionKey(written.decryption_key) };
    case 'jws':
      if (written.verification_key === undefined)
        throw refused('answers that are signed need a verification_key');
      return { kind: 'jws', key: parseEnvelopeKey(written.verification_key) };
    case 'none':
    case undefined:
    default:
      return { kind: 'none' };
  }
}

function decryptionKey(text: string | undefined): KeyObject {
  if (text === undefined) throw refused('answers that are encrypted need a decryption_key');
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // The cause may quote the key.
  }
  throw refused('the decryption_key is no RSA private key in PEM');
}

/** Node looks at them at the first connection only. */
function refuseForeignClientKey({ client_certificate, client_key }: Written): void {
  let fits = false;
  try {
    fits = new X509Certificate(client_certificate).checkPrivateKey(createPrivateKey(client_key));
  } catch {
    // The cause may quote the key.
  }
  if (!fits)
    throw refused('the client_key is not the key of the client_certificate, or one of them is no PEM');
}

/** Headers of a request that has a body and a signature, beside those of the configuration. */
const OWN_HEADERS: readonly string[] = ['content-type', 'content-digest', 'content-length'];

/** Without it no request could be signed, and the first payment would show it. */
function refuseUnsentComponents({ signature, headers, idempotencyHeader }: JweConfiguration): void {
  const sent = [...OWN_HEADERS, idempotencyHeader, ...Object.keys(headers)];
  const unsent = signature?.components.find((name) => !name.startsWith('@') && !sent.includes(name));
  if (unsent !== undefined) throw refused(`the signature covers ${unsent}, which is not sent`);
}

/** Names are tried out at once, so that no payment is the first to show that two are in each other's way. */
function refuseMembersInTheWay({ members, fixedMembers }: JweConfiguration): void {
  const names = (Object.keys(REQUEST_MEMBERS) as RequestMember[])
    .map((member) => members[member])
    .filter((name) => name !== '');
  placed([...fixedMembers, ...names.map((name) => [name, ''] as const)]);
}

function refused(message: string): HushtoneError {
  return new HushtoneError('provider_configuration', 'invalid', message);
}
