import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { hasCheckDigit } from '../check-digit.ts';
import { openCompactJwe, parseObject } from '../compact-jwe.ts';
import { Refusal, type DoubleAnswer, type DoubleRequest, type Refusals, type Route } from '../route.ts';
import { startDouble, type DoubleServer, type DoubleServerOptions, type DoubleTls } from '../server.ts';
import { Merchant } from './merchant.ts';
import { protect, type AnswerKeys } from './protection.ts';
import { readRequest, type JweRequest } from './request.ts';
import { verifySignature, type KnownKey, type SignaturePolicy } from './signature.ts';

/** How requests come: the member of the body with the JWE (none: the body is one) and what its header says. */
export interface JweForm {
  readonly field?: string;
  readonly enc: 'A256GCM' | 'A128GCM';
  readonly iat: 'seconds' | 'milliseconds';
}

export interface JweDoubleOptions extends DoubleServerOptions {
  /** Clients must show a certificate. */
  readonly tls: DoubleTls & { readonly clientCa: string };
  readonly form: JweForm;
  /** `kid` */
  readonly encryptionKeyId: string;
  /** PEM. Default: a new one. */
  readonly encryptionKey?: string;
  /** Whose signatures are taken, by `keyid`. Without it requests are not signed. */
  readonly signatureKeys?: ReadonlyMap<string, KnownKey>;
  /** More members that the protected header must have. */
  readonly header?: Readonly<Record<string, string>>;
  /** Answers are protected so. */
  readonly answers?: AnswerKeys;
}

export interface JweDouble extends DoubleServer {
  /** PEM, SPKI. */
  readonly encryptionKey: string;
}

/** An envelope or a signature that is older or newer than this is refused. */
const FRESHNESS_SECONDS = 5 * 60;

const problem = (status: number, code: string): DoubleAnswer => ({ status, body: { code } });
const refuse = (status: number, code: string): Refusal => new Refusal(problem(status, code));

const REFUSALS: Refusals = {
  notFound: () => problem(404, 'not_found'),
  rateLimited: () => problem(429, 'rate_limited'),
  serverError: (status) => problem(status, 'internal'),
  keyInFlight: () => problem(409, 'in_flight'),
  keyReused: () => problem(422, 'idempotency_key_reused'),
};

/** A provider that takes JWE over mutual TLS: strict, with a ledger, and with faults. */
export async function startJweDouble(options: JweDoubleOptions): Promise<JweDouble> {
  const privateKey =
    options.encryptionKey === undefined ? await newKey() : createPrivateKey(options.encryptionKey);
  const merchant = new Merchant();
  const nonces = new Set<string>();
  const server = await startDouble(
    {
      routes: routesOf(options, privateKey, merchant),
      refusals: REFUSALS,
      admit: (request) => refuseUnsigned(request, options.signatureKeys, nonces),
      ledger: () => merchant.entries,
      clear: () => {
        merchant.clear();
        nonces.clear();
      },
    },
    options,
  );
  const encryptionKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  return { ...server, encryptionKey };
}

function routesOf(options: JweDoubleOptions, privateKey: KeyObject, merchant: Merchant): readonly Route[] {
  const { answers } = options;
  const answer = (status: number, body: object): DoubleAnswer =>
    protect({ status, body }, answers, options.form);
  const carryOut = async (request: DoubleRequest, expected: Partial<JweRequest>): Promise<DoubleAnswer> => {
    const read = openRequest(request, options, privateKey);
    for (const [name, value] of Object.entries(expected)) {
      if (read[name as keyof JweRequest] !== value) throw refuse(422, 'another_operation');
    }
    if (read.idempotency_key !== request.headers['idempotency-key'])
      throw refuse(400, 'another_idempotency_key');
    if (!merchant.knows(read)) throw refuse(422, 'no_such_card');
    return await request.once(read.idempotency_key, JSON.stringify(read), () =>
      answer(200, merchant.carryOut(read, new Date())),
    );
  };
  const modification = (path: string, operation: string): Route => ({
    method: 'POST',
    path: new RegExp(`^/v1/payments/([^/]+)/${path}$`),
    target: 'modify',
    handle: (request) => carryOut(request, { operation, provider_reference: request.parameters[0] ?? '' }),
  });
  return [
    ...['charge', 'authorize', 'tokenize', 'charge_and_save'].map((operation): Route => ({
      method: 'POST',
      path: new RegExp(`^/v1/${operation}$`),
      target: 'pay',
      handle: (request) => carryOut(request, { operation }),
    })),
    modification('capture', 'capture'),
    modification('void', 'void'),
    modification('refund', 'refund'),
    {
      method: 'GET',
      path: /^\/v1\/payments\/by-key\/([^/]+)$/,
      target: 'lookup',
      handle: ({ parameters: [key = ''] }) => {
        const found = merchant.find(key);
        return found === undefined ? answer(404, { code: 'payment_not_found' }) : answer(200, found);
      },
    },
  ];
}

function openRequest(request: DoubleRequest, options: JweDoubleOptions, privateKey: KeyObject): JweRequest {
  let members: Record<string, unknown>;
  let header: Readonly<Record<string, unknown>>;
  try {
    const opened = openCompactJwe(jweOf(request, options.form), privateKey);
    ({ header } = opened);
    members = parseObject(opened.plaintext);
  } catch (error) {
    throw error instanceof Refusal ? error : refuse(400, 'malformed_envelope');
  }
  requireHeader(header, options);
  const read = readRequest(members);
  if (read === undefined) throw refuse(422, 'malformed_request');
  if (read.card?.number !== undefined && !hasCheckDigit(read.card.number)) throw refuse(422, 'invalid_card');
  return read;
}

function jweOf({ headers, body }: DoubleRequest, { field }: JweForm): string {
  const type = headers['content-type'];
  if (type !== (field === undefined ? 'application/jose' : 'application/json')) {
    throw refuse(415, 'unsupported_media_type');
  }
  const text = body.toString('utf8');
  if (field === undefined) return text;
  const object = parseObject(text);
  const jwe = object[field];
  if (Object.keys(object).length !== 1 || typeof jwe !== 'string') throw refuse(400, 'unknown_member');
  return jwe;
}

/** All that it must say, and no more. */
function requireHeader(header: Readonly<Record<string, unknown>>, options: JweDoubleOptions): void {
  const { form, encryptionKeyId, header: more = {} } = options;
  const { iat, ...rest } = header;
  const expected = { alg: 'RSA-OAEP-256', enc: form.enc, kid: encryptionKeyId, cty: 'json', ...more };
  const names = (object: object): string => Object.keys(object).sort().join();
  const equal = Object.entries(expected).every(([name, value]) => rest[name] === value);
  if (names(rest) !== names(expected) || !equal) throw refuse(400, 'wrong_header');
  const seconds = form.iat === 'seconds' ? Number(iat) : Number(iat) / 1000;
  if (!Number.isInteger(iat) || !(Math.abs(Date.now() / 1000 - seconds) <= FRESHNESS_SECONDS)) {
    throw refuse(400, 'stale_envelope');
  }
}

function refuseUnsigned(
  request: DoubleRequest,
  keys: JweDoubleOptions['signatureKeys'],
  nonces: Set<string>,
): void {
  if (keys === undefined) return;
  const query = request.query.toString();
  const policy: SignaturePolicy = {
    keys,
    covered: [
      '@method',
      '@target-uri',
      ...(request.body.length > 0 ? ['content-type', 'content-digest'] : []),
    ],
    freshnessSeconds: FRESHNESS_SECONDS,
  };
  const verified = verifySignature(
    {
      method: request.method,
      target: `https://${request.headers.host ?? ''}${request.path}${query === '' ? '' : `?${query}`}`,
      headers: request.headers,
      body: request.body,
    },
    policy,
    new Date(),
  );
  if (typeof verified === 'string')
    throw new Refusal({ status: 401, body: { code: 'signature', detail: verified } });
  const { nonce } = verified;
  if (nonce === undefined || nonces.has(nonce)) throw refuse(401, 'signature_replayed');
  nonces.add(nonce);
}

async function newKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })).privateKey;
}
