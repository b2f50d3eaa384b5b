import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { createTokenVerifier, issueToken, type TokenIssuer } from '../../../src/access/access-token.ts';
import { createAuthorizationServer } from '../../../src/access/authorization-server.ts';
import { SCOPES } from '../../../src/access/principal.ts';
import { createKeyRing } from '../../../src/access/signing-keys.ts';
import { loadContract, type Contract } from '../../../src/http/contract.ts';
import { buildHttp, type HttpOptions } from '../../../src/http/server.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import type {
  Actor,
  AuditDesk,
  CallDesk,
  CallResource,
  CaptureDesk,
  CaptureEvent,
  CaptureResource,
  EvidenceResource,
  GrantDesk,
  HealthReport,
  RefusedAccess,
} from '../../../src/workflows/contract.ts';
import type { PaymentDesk } from '../../../src/workflows/payments/contract.ts';
import type { ProviderDesk } from '../../../src/workflows/providers/contract.ts';
import type { TokenDesk } from '../../../src/workflows/tokens/contract.ts';
import type { AccountEventDesk, WebhookDesk } from '../../../src/workflows/webhooks/contract.ts';

export const CONTRACT: Contract = loadContract(new URL('../../../openapi.yaml', import.meta.url));

/**
 * The schemas of openapi.yaml with one operation, `show`, that answers with the schema of this name: to hold against it
 * what no operation is declared to answer.
 */
export function contractOfSchema(name: string): Contract {
  const schema = { $ref: `#/components/schemas/${name}` };
  const show = { operationId: 'show', responses: { 200: { content: { x: { schema } } } } };
  const folder = mkdtempSync(join(tmpdir(), 'hushtone-contract-'));
  const file = join(folder, 'one.yaml');
  try {
    writeFileSync(file, JSON.stringify({ ...CONTRACT.document, paths: { '/show': { get: show } } }));
    return loadContract(pathToFileURL(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PROBLEM = contractOfSchema('Problem');

/** Throws when it is no problem document of openapi.yaml; of which operation, and whether declared for it, is open. */
export function checkProblem(problem: unknown): void {
  PROBLEM.checkResponse('show', 200, problem);
}

export const CAPTURE_ID = 'cap_0123ab0123ab0123ab0123ab01';
export const CALL_ID = 'call_0123ab0123ab0123ab0123ab01';
export const ACTOR: Pick<Actor, 'accountId' | 'subject' | 'clientId' | 'roles'> = {
  accountId: 'acme',
  subject: 'agent-1',
  clientId: 'crm',
  roles: ['integrator'],
};

export const CAPTURE: CaptureResource = {
  id: CAPTURE_ID,
  call_id: CALL_ID,
  status: 'collecting',
  focus: 'card_number',
  purpose: 'charge',
  amount: { value: 4200, currency: 'EUR' },
  fields: [{ field: 'card_number', required: true, status: 'collecting', digits: 4, attempts: 0 }],
  stray_keys: 0,
  created_at: '2026-06-15T12:00:00.000Z',
  updated_at: '2026-06-15T12:00:01.000Z',
};

export const CALL: CallResource = {
  id: CALL_ID,
  state: 'connected',
  bridge: 'dial',
  from: '+1•••••••4809',
  to: '2000',
  agent_id: 'agent-1',
  transport: 'events',
  masked: false,
  started_at: '2026-06-15T12:00:00.000Z',
};

export const EVIDENCE: EvidenceResource = {
  capture_id: CAPTURE_ID,
  call_id: CALL_ID,
  bridge: 'dial',
  transport: 'events',
  proof: 'engine_acknowledgement_and_sentinel',
  keys_delivered: 23,
  keys_dropped: 1,
  key_events_seen: 24,
  key_tones_seen: 0,
  duplicates_dropped: 0,
  sentinel: { listened_ms: 12_000, digits_heard: 0, loudest_while_guarded_dbfs: -96 },
  ms_to_secured: 84.2,
  ms_from_doubt_to_guard: [12.5],
  steps: [{ at_ms: 0, step: 'requested' }],
};

export const eventOf = (sequence: number, change: Partial<CaptureResource> = {}): CaptureEvent => ({
  sequence,
  type: 'capture.field',
  at: '2026-06-15T12:00:01.000Z',
  capture: { ...CAPTURE, ...change },
});

interface Follower {
  readonly captureId: string;
  readonly afterSequence: number;
  readonly listener: (event: CaptureEvent) => void;
  readonly ended: () => void;
}

/** The use cases as a test wants them; it keeps what it was asked. */
export class FakeDesk implements CaptureDesk, CallDesk {
  readonly asked: { readonly operation: string; readonly actor: Actor; readonly what?: unknown }[] = [];
  readonly followers = new Set<Follower>();
  /** Events that `follow` replays. */
  past: CaptureEvent[] = [];
  /** What the next operation fails with. */
  failure: unknown;
  /** What `follow` fails with, after it has told the past. */
  followFailure: unknown;
  /** Holds `follow` back after the past is told. */
  followGate: Promise<void> = Promise.resolve();
  answer: unknown;

  reset(): void {
    this.asked.length = 0;
    this.followers.clear();
    this.past = [];
    this.failure = undefined;
    this.followFailure = undefined;
    this.followGate = Promise.resolve();
    this.answer = undefined;
  }

  readonly #do = async <T>(operation: string, actor: Actor, result: T, what?: unknown): Promise<T> => {
    this.asked.push({ operation, actor, ...(what !== undefined && { what }) });
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    return (this.answer as T | undefined) ?? result;
  };

  create: CaptureDesk['create'] = async (actor, request) =>
    await this.#do('create', actor, { ...CAPTURE, status: 'securing' as const }, request);

  page: CaptureDesk['page'] = async (actor, listing) =>
    await this.#do('page', actor, { captures: [CAPTURE] }, listing);

  get: CaptureDesk['get'] = async (actor, id) => await this.#do('get', actor, CAPTURE, id);

  command: CaptureDesk['command'] = async (actor, id, command) =>
    await this.#do('command', actor, CAPTURE, [id, command]);

  evidence: CaptureDesk['evidence'] = async (actor, id) => await this.#do('evidence', actor, EVIDENCE, id);

  follow: CaptureDesk['follow'] = async (actor, captureId, afterSequence, listener, ended) => {
    await this.#do('follow', actor, undefined, [captureId, afterSequence]);
    const follower = { captureId, afterSequence, listener, ended };
    this.followers.add(follower);
    for (const event of this.past) if (event.sequence > afterSequence) listener(event);
    await this.followGate;
    if (this.followFailure !== undefined) {
      this.followers.delete(follower);
      throw this.followFailure;
    }
    return { close: () => void this.followers.delete(follower) };
  };

  list(actor: Actor): CallResource[] {
    this.asked.push({ operation: 'list', actor });
    if (this.failure !== undefined) throw this.failure;
    return (this.answer as CallResource[] | undefined) ?? [CALL];
  }

  search: CallDesk['search'] = async (actor, search) =>
    await this.#do('search', actor, { calls: [CALL] }, search);

  release: CallDesk['release'] = async (actor, id) => await this.#do('release', actor, CALL, id);
}

export const ISSUER: TokenIssuer = {
  issuer: 'hushtone',
  audience: 'hushtone-api',
  keys: createKeyRing(generateKeyPairSync('ed25519').privateKey),
};

/** A header that some operations need, and none refuses. */
export const KEY = { 'idempotency-key': 'order-1' };

/** An Authorization header with these scopes; all by default. */
export async function bearer(scopes: readonly string[] = SCOPES): Promise<string> {
  const request = { ...ACTOR, scopes };
  return `Bearer ${await issueToken(ISSUER, request, systemClock)}`;
}

/** What no test of this gateway may reach: it has tests of its own, with a database. */
const NO_DESK: unknown = new Proxy(
  {},
  { get: (_target, name) => () => Promise.reject(new Error(`no test here asks for ${String(name)}`)) },
);

export interface Gateway {
  readonly http: FastifyInstance;
  readonly desk: FakeDesk;
  /** What was refused to someone with a valid token. */
  readonly refusals: (RefusedAccess & { readonly actor: Actor })[];
  /** Every log line, as JSON. */
  readonly logged: string[];
  health: () => Promise<HealthReport>;
  /** Forgets what was asked, logged and arranged. */
  reset(): void;
  /** Listens on the loopback and returns the port. */
  listen(): Promise<number>;
}

export async function buildGateway(change: Partial<HttpOptions> = {}): Promise<Gateway> {
  const desk = new FakeDesk();
  const logged: string[] = [];
  const refusals: Gateway['refusals'] = [];
  const logger = createLogger('debug', { write: (line: string) => void logged.push(line) });
  const gateway: Gateway = {
    desk,
    refusals,
    logged,
    health: () => Promise.resolve({ status: 'ok', checks: { database: 'ok' } }),
    http: await buildHttp({
      contract: CONTRACT,
      captures: desk,
      calls: desk,
      grants: NO_DESK as GrantDesk,
      audit: {
        ...(NO_DESK as AuditDesk),
        refused: (actor, access) => {
          refusals.push({ ...access, actor });
          return Promise.resolve();
        },
      },
      webhooks: NO_DESK as WebhookDesk,
      payments: NO_DESK as PaymentDesk,
      providers: NO_DESK as ProviderDesk,
      cardTokens: NO_DESK as TokenDesk,
      idempotency: {
        begin: ({ accountId }, { key }) =>
          Promise.resolve({ claim: { accountId, id: key, claim: key, takenOver: false } }),
        keep: () => Promise.resolve(),
        release: () => Promise.resolve(),
        abandon: () => Promise.resolve(),
      },
      accountEvents: NO_DESK as AccountEventDesk,
      readiness: async () => await gateway.health(),
      verifyToken: createTokenVerifier(ISSUER, systemClock),
      authorization: createAuthorizationServer({
        issuer: ISSUER.issuer,
        keys: ISSUER.keys,
        endpoint: { issue: async () => await Promise.reject(new Error('no test here asks for a token')) },
        publicUrl: () => 'https://gateway.test',
        certificates: false,
      }),
      listener: {
        trustedProxies: [],
        headersTimeoutMs: 10_000,
        requestTimeoutMs: 15_000,
        keepAliveTimeoutMs: 72_000,
      },
      rateLimits: { address: 0, client: 0, account: 0 },
      panelOrigins: [],
      clock: systemClock,
      logger,
      checkResponses: true,
      settleLimitMs: 3000,
      ...change,
    }),
    reset() {
      desk.reset();
      logged.length = 0;
      refusals.length = 0;
      gateway.health = () => Promise.resolve({ status: 'ok', checks: { database: 'ok' } });
    },
    async listen() {
      if (!gateway.http.server.listening) await gateway.http.listen({ host: '127.0.0.1', port: 0 });
      return (gateway.http.server.address() as AddressInfo).port;
    },
  };
  return gateway;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends bytes as they are and reads the answer until the server closes the connection. */
export async function sendRaw(port: number, bytes: string): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  await once(socket, 'close');
  const [head = '', ...rest] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line) => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ]);
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: rest.join('\r\n\r\n'),
  };
}
