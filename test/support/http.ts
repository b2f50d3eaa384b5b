import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { createTokenVerifier, issueToken, type TokenRequest } from '../../src/access/access-token.ts';
import { createAuthorizationServer } from '../../src/access/authorization-server.ts';
import { createClientDirectory } from '../../src/access/client-directory-store.ts';
import { issueGrantToken } from '../../src/access/grant-token.ts';
import { SCOPES } from '../../src/access/principal.ts';
import { createKeyRing } from '../../src/access/signing-keys.ts';
import { loadContract } from '../../src/http/contract.ts';
import { buildHttp, type HttpOptions } from '../../src/http/server.ts';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import { HushtoneError } from '../../src/kernel/errors.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { PaymentProvider } from '../../src/payments/contract.ts';
import { PROVIDER_KINDS } from '../../src/payments/registry.ts';
import type { Calls, CallSnapshot, Masking, MaskingListener } from '../../src/telephony/contract.ts';
import { createAuditDesk } from '../../src/workflows/audit-desk.ts';
import { createCallDesk } from '../../src/workflows/call-desk.ts';
import { createCallJournal } from '../../src/workflows/call-journal.ts';
import { Captures } from '../../src/workflows/capture-desk.ts';
import { Grants } from '../../src/workflows/grant-desk.ts';
import { Idempotency } from '../../src/workflows/idempotency.ts';
import { createNumbers, type Numbers } from '../../src/workflows/numbers.ts';
import { ensureAccount } from '../../src/workflows/stores/account-store.ts';
import { createSecretSeal } from '../../src/events/webhooks/secret-seal.ts';
import { AccountStream } from '../../src/workflows/webhooks/account-stream.ts';
import { Webhooks } from '../../src/workflows/webhooks/desk.ts';
import { createPaymentDesk } from '../../src/workflows/payments/desk.ts';
import { Providers } from '../../src/workflows/providers/desk.ts';
import { Directory } from '../../src/workflows/providers/directory.ts';
import type { CardVault } from '../../src/workflows/tokens/contract.ts';
import { createTokenDesk } from '../../src/workflows/tokens/desk.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestKeyRing, type TestKeyRing } from './key-ring.ts';
import { ALL_CAPABILITIES, QUIET_PROVIDER } from './payment-provider.ts';
import { paymentsWith } from './payments.ts';
import { createTestKind } from './provider-kind.ts';
import { testVault } from './vault-cards.ts';

export const CONTRACT = loadContract(new URL('../../openapi.yaml', import.meta.url));

/** A telephone system without telephones: calls are there because a test says so, and masking always works. */
export class ScriptedCalls implements Calls {
  readonly #calls = new Map<string, CallSnapshot>();
  /** Who is told about the keys of a call. */
  readonly listeners = new Map<string, MaskingListener>();

  set(call: CallSnapshot): void {
    this.#calls.set(call.callId, call);
  }

  get(callId: string): CallSnapshot | undefined {
    return this.#calls.get(callId);
  }

  ofAgent(accountId: string, agentId: string): CallSnapshot | undefined {
    return this.list(accountId).find((call) => call.agentId === agentId && call.state !== 'ended');
  }

  list(accountId: string): CallSnapshot[] {
    return [...this.#calls.values()].filter((call) => call.accountId === accountId);
  }

  async secure(callId: string, _options: unknown, listener: MaskingListener): Promise<Masking> {
    this.listeners.set(callId, listener);
    return {
      evidence: () => ({
        bridge: 'dial',
        transport: 'unknown',
        proof: 'engine_acknowledgement',
        keysDelivered: 0,
        keyEventsSeen: 0,
        keyTonesSeen: 0,
        duplicatesDropped: 0,
        msFromDoubtToGuard: [],
        steps: [],
      }),
      release: async () => void this.listeners.delete(callId),
    };
  }

  async release(callId: string): Promise<void> {
    const call = this.#calls.get(callId);
    if (call?.masked !== true) throw new HushtoneError('call_not_masked', 'conflict', 'There is no lock.');
    this.#calls.set(callId, { ...call, masked: false });
  }
}

const PROVIDER: PaymentProvider = {
  name: 'scripted',
  capabilities: { ...ALL_CAPABILITIES, pin: false },
  ...QUIET_PROVIDER,
  pay: async () => await Promise.reject(new Error('no test here pays')),
  lookup: async () => undefined,
};

/** A header that only some operations need, and none refuses. */
export const idempotencyKey = (): Record<string, string> => ({ 'idempotency-key': randomUUID() });

export interface TestCall {
  readonly accountId?: string;
  readonly agentId?: string;
  readonly from?: string;
  readonly masked?: boolean;
}

/** The HTTP interface over a real database and scripted calls, as `app` puts it together. */
export interface TestHttp {
  readonly server: FastifyInstance;
  readonly db: TestDatabase;
  readonly calls: ScriptedCalls;
  readonly captures: Captures;
  readonly grants: Grants;
  readonly numbers: Numbers;
  readonly keys: TestKeyRing;
  readonly directory: Directory;
  readonly vault: CardVault;
  /** An access token; by default an integrator's of `acc_a` with every scope. */
  token(request?: Partial<TokenRequest>): Promise<string>;
  /** A connected call, known to the telephone system and to the database. Returns its id. */
  call(call?: TestCall): Promise<string>;
  close(): Promise<void>;
}

export interface TestHttpOptions extends Partial<HttpOptions> {
  readonly clock?: Clock;
  /** By default one that no test may pay with. */
  readonly provider?: PaymentProvider;
  /** A database of the test's own, which outlives this interface. */
  readonly db?: TestDatabase;
  /** Those of another interface on the same database, which outlives this one. */
  readonly keys?: TestKeyRing;
}

export async function createTestHttp(options: TestHttpOptions = {}): Promise<TestHttp> {
  const { db: given, keys: givenKeys, provider = PROVIDER, ...overrides } = options;
  const db = given ?? (await createTestDatabase({ poolSize: 6 }));
  const { database } = db;
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? silentLogger;
  const keys = createKeyRing(generateKeyPairSync('ed25519').privateKey);
  const issuer = { issuer: 'https://gateway.test', audience: 'hushtone', keys };
  const calls = new ScriptedCalls();
  const testKeys = givenKeys ?? (await createTestKeyRing(db));
  const numbers = createNumbers({ keyRing: testKeys.keyRing, logger });
  const journal = createCallJournal(database, 'test', numbers);
  const providers = {
    database,
    ring: testKeys.keyRing,
    kinds: [...PROVIDER_KINDS, createTestKind()],
  };
  const directory = new Directory({
    ...providers,
    dependencies: { clock, logger, timeoutMs: 1000 },
    installed: { id: 'default', kind: provider.name, mode: 'test', provider },
  });
  const vault = testVault(db, testKeys.keyRing);
  const payments = paymentsWith({ database, directory, vault, clock, logger });
  const captures = new Captures({
    ...payments,
    calls,
    defaults: {
      guard: 'always',
      secureTimeoutMs: 1000,
      interDigitTimeoutSeconds: 8,
      timeoutSeconds: 300,
      mode: 'test',
      tokenStorage: 'provider',
    },
  });
  const grants = new Grants({
    database,
    issueToken: async (grant) => await issueGrantToken(issuer, grant, clock),
    clock,
    logger,
  });
  const accountEvents = new AccountStream({ database, databaseUrl: db.url, clock, logger });
  await accountEvents.start();
  const server = await buildHttp({
    providers: new Providers({ ...providers, directory, clock }),
    payments: createPaymentDesk(payments),
    cardTokens: createTokenDesk({ database, clock }),
    contract: CONTRACT,
    captures,
    calls: createCallDesk({ calls, database, numbers, isCaptured: (id) => captures.isCaptured(id) }),
    grants,
    audit: createAuditDesk({ database, clock, logger }),
    webhooks: new Webhooks({
      database,
      seal: createSecretSeal([randomBytes(32)]),
      policy: { allowPrivate: false, allowPlainLoopback: false },
      clock,
    }),
    accountEvents,
    idempotency: new Idempotency({ database, clock, logger }),
    readiness: async () => ({ status: 'ok', checks: { database: 'ok' } }),
    verifyToken: createTokenVerifier(issuer, clock),
    networksOf: createClientDirectory(database, clock),
    authorization: createAuthorizationServer({
      issuer: issuer.issuer,
      keys,
      endpoint: { issue: async () => await Promise.reject(new Error('no test here asks for a token')) },
      publicUrl: () => issuer.issuer,
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
    clock,
    logger,
    checkResponses: true,
    settleLimitMs: 3000,
    ...overrides,
  });

  let lines = 0;
  return {
    server,
    db,
    calls,
    captures,
    grants,
    numbers,
    keys: testKeys,
    directory,
    vault,
    token: async (request) =>
      await issueToken(
        issuer,
        {
          accountId: 'acc_a',
          subject: 'integrator',
          clientId: 'client',
          roles: ['integrator'],
          scopes: SCOPES,
          ...request,
        },
        clock,
      ),
    async call({ accountId = 'acc_a', agentId = 'agent-1', from = '+15551112222', masked = false } = {}) {
      lines += 1;
      const callId = newId('call');
      const at = clock.now();
      const snapshot: CallSnapshot = {
        callId,
        accountId,
        state: 'connected',
        bridge: 'dial',
        from,
        to: '+15083084809',
        agentId,
        transport: 'unknown',
        masked,
        startedAt: new Date(at.getTime() + lines),
        connectedAt: at,
      };
      await database.transaction(accountId, async (tx) => await ensureAccount(tx, accountId));
      await journal.save({ snapshot, callSid: `sid-${callId}` });
      calls.set(snapshot);
      return callId;
    },
    async close() {
      await server.close();
      await accountEvents.stop();
      await captures.settle(1000);
      await directory.close();
      if (givenKeys === undefined) await testKeys.close();
      if (given === undefined) await db.close();
    },
  };
}
