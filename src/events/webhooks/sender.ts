import { lookup } from 'node:dns/promises';
import { request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isAddressAllowed, isLoopback, type AddressPolicy } from '../../kernel/address-guard.ts';
import { hostOf } from './endpoint-url.ts';

/** A receiver has this long to answer, from the look-up of its name on. */
const TIMEOUT_MS = 15_000;
/** What a receiver says beyond its status is read up to here, so that its side ends cleanly, and dropped. */
const LARGEST_ANSWER_BYTES = 64 * 1024;
const LARGEST_HEADERS_BYTES = 16 * 1024;

/** Why an attempt failed. `gone`: the receiver answered 410 and wants no more. */
export const DELIVERY_ERRORS = [
  'address_refused',
  'name_not_found',
  'connection_failed',
  'tls_failed',
  'timeout',
  'redirect_refused',
  'status_not_2xx',
  'gone',
] as const;

export type DeliveryError = (typeof DELIVERY_ERRORS)[number];

export interface SendResult {
  readonly durationMs: number;
  /** Absent when no answer came. */
  readonly status?: number;
  /** Absent when the message was taken. */
  readonly error?: DeliveryError;
}

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export interface SenderOptions {
  readonly policy: AddressPolicy;
  readonly timeoutMs?: number;
  readonly resolve?: Resolver;
  /** PEM certificates of authorities to trust instead of the system's. */
  readonly ca?: string;
}

/** Posts one message. Never rejects. */
export type Sender = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<SendResult>;

class Refusal extends Error {
  readonly error: DeliveryError;

  constructor(error: DeliveryError) {
    super(error);
    this.error = error;
  }
}

const systemResolver: Resolver = async (hostname) => await lookup(hostname, { all: true });

/**
 * A sender that cannot be turned against the network it stands in: the name is looked up once, every address it has
 * must be allowed, and the connection goes to those addresses and no others. Redirects are not followed.
 */
export function createSender(options: SenderOptions): Sender {
  const { timeoutMs = TIMEOUT_MS } = options;
  return async (url, headers, body) => {
    const started = performance.now();
    const deadline = AbortSignal.timeout(timeoutMs);
    let outcome: Omit<SendResult, 'durationMs'>;
    try {
      const target = new URL(url);
      const addresses = await checkedAddresses(target, options, deadline);
      outcome = verdict(await post({ target, addresses, headers, body, deadline, options }));
    } catch (error) {
      outcome = { error: deadline.aborted ? 'timeout' : errorClass(error) };
    }
    return { durationMs: Math.round(performance.now() - started), ...outcome };
  };
}

function verdict(status: number): Omit<SendResult, 'durationMs'> {
  if (status >= 200 && status < 300) return { status };
  if (status === 410) return { status, error: 'gone' };
  return { status, error: status >= 300 && status < 400 ? 'redirect_refused' : 'status_not_2xx' };
}

/** OpenSSL's and Node's names for a handshake or a certificate that is not as it should be. */
const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_)/;

function errorClass(error: unknown): DeliveryError {
  if (error instanceof Refusal) return error.error;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && TLS_CODE.test(code) ? 'tls_failed' : 'connection_failed';
}

async function checkedAddresses(
  target: URL,
  { policy, resolve = systemResolver }: SenderOptions,
  deadline: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  const host = hostOf(target);
  const family = isIP(host);
  const addresses = family === 0 ? await resolveWithin(resolve, host, deadline) : [{ address: host, family }];
  if (addresses.length === 0) throw new Refusal('name_not_found');
  // One address that is not allowed is enough: a name that leads both ways is up to something.
  if (!addresses.every(({ address }) => isAddressAllowed(address, policy)))
    throw new Refusal('address_refused');
  const plain = target.protocol !== 'https:';
  if (plain && !(policy.allowPlainLoopback && addresses.every(({ address }) => isLoopback(address)))) {
    throw new Refusal('address_refused');
  }
  return addresses;
}

/** A look-up cannot be called off; one that comes too late is not waited for. */
async function resolveWithin(
  resolve: Resolver,
  host: string,
  deadline: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  const expired = new Promise<never>((_resolve, reject) => {
    deadline.addEventListener('abort', () => reject(new Refusal('timeout')), { once: true });
  });
  return await Promise.race([resolveOrRefuse(resolve, host), expired]);
}

async function resolveOrRefuse(resolve: Resolver, host: string): Promise<readonly ResolvedAddress[]> {
  try {
    return await resolve(host);
  } catch {
    throw new Refusal('name_not_found');
  }
}

interface Post {
  readonly target: URL;
  readonly addresses: readonly ResolvedAddress[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly deadline: AbortSignal;
  readonly options: SenderOptions;
}

/** Answers every look-up of the connection with the addresses that were checked. */
function pinned(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** Resolves with the status once the answer is read or cut off. */
async function post({ target, addresses, headers, body, deadline, options }: Post): Promise<number> {
  const settings = {
    method: 'POST',
    // A connection of its own: none is kept that could outlive what was checked.
    agent: false as const,
    lookup: pinned(addresses),
    headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
    maxHeaderSize: LARGEST_HEADERS_BYTES,
    signal: deadline,
    minVersion: 'TLSv1.2' as const,
    ...(options.ca !== undefined && { ca: options.ca }),
  };
  return await new Promise<number>((resolve, reject) => {
    const request: ClientRequest =
      target.protocol === 'https:' ? requestTls(target, settings) : requestPlain(target, settings);
    request.on('error', reject);
    request.once('response', (answer: IncomingMessage) => {
      const finish = (): void => {
        answer.destroy();
        resolve(answer.statusCode ?? 0);
      };
      let received = 0;
      answer.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received > LARGEST_ANSWER_BYTES) finish();
      });
      // The status has decided already: what happens to the rest of the answer changes nothing.
      for (const event of ['end', 'error', 'close'] as const) answer.once(event, finish);
    });
    request.end(body);
  });
}
