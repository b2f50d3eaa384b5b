import { createPrivateKey } from 'node:crypto';
import { BlockList } from 'node:net';
import { join } from 'node:path';
import { issueGrantToken } from './access/grant-token.ts';
import { createTokenVerifier, type TokenIssuer, type TokenVerifier } from './access/access-token.ts';
import {
  createAuthorizationServer,
  TOKEN_PATH,
  type AuthorizationServer,
} from './access/authorization-server.ts';
import { createClientDirectory } from './access/client-directory-store.ts';
import { createExternalVerifier } from './access/external-issuer.ts';
import { createKeyRing, readSigningKey, readVerificationKey } from './access/signing-keys.ts';
import { createTokenRecords } from './access/token-endpoint-store.ts';
import { TokenEndpoint } from './access/token-endpoint.ts';
import { chooseVerifier } from './access/token-verifier.ts';
import { checkpointSigner } from './audit/checkpoint.ts';
import { createCheckpointStore } from './audit/checkpoint-store.ts';
import { startCheckpointing } from './audit/checkpointing.ts';
import { appendAudit } from './audit/store.ts';
import { assertServable } from './config/assert-servable.ts';
import { publicUrlOf, type Config } from './config/config.ts';
import { readEnvironment, readRuntime } from './config/environment.ts';
import { loadConfig } from './config/load-config.ts';
import { openDatabase, type Database } from './db/database.ts';
import { startEmbeddedPostgres } from './db/embedded.ts';
import { migrate } from './db/migrate.ts';
import { createSecretSeal } from './events/webhooks/secret-seal.ts';
import { createSender } from './events/webhooks/sender.ts';
import { loadContract } from './http/contract.ts';
import { buildHttp } from './http/server.ts';
import { isAddressAllowed } from './kernel/address-guard.ts';
import { systemClock, type Clock } from './kernel/clock.ts';
import { createLogger, type Logger } from './kernel/logger.ts';
import { startKeyRing } from './key-ring.ts';
import { createCmsSigner } from './pki/cms.ts';
import { developmentKey } from './pki/development-key.ts';
import { prepareSecretMemory } from './secrets/arena.ts';
import { leaveMemoryOutOfCoreFiles } from './secrets/core-files.ts';
import type { Router } from './telephony/contract.ts';
import { startTelephony, type TelephonyServer } from './telephony/jambonz/server.ts';
import { createDialMask } from './telephony/rtpengine/dial-mask.ts';
import { createMediaServerMonitor } from './telephony/rtpengine/media-server-monitor.ts';
import { subscriptionSentinelAllowed } from './telephony/rtpengine/engine-version.ts';
import { createNgClient } from './telephony/rtpengine/ng-client.ts';
import { subscribeSentinel } from './telephony/rtpengine/subscription-sentinel.ts';
import type { KeyRing } from './vault/contract.ts';
import { createAuditDesk } from './workflows/audit-desk.ts';
import { createCallDesk } from './workflows/call-desk.ts';
import { createCallJournal } from './workflows/call-journal.ts';
import { Captures } from './workflows/capture-desk.ts';
import type { AuditDesk, HealthReport } from './workflows/contract.ts';
import { createEarlierNumbers } from './workflows/earlier-numbers.ts';
import { createNumbers, type Numbers } from './workflows/numbers.ts';
import { Grants } from './workflows/grant-desk.ts';
import { Idempotency, startIdempotencyCleanup } from './workflows/idempotency.ts';
import { createConnectorDesk } from './workflows/connector/desk.ts';
import { dieAt } from './workflows/payments/chaos.ts';
import type { PaymentDependencies } from './workflows/payments/dependencies.ts';
import { createPaymentDesk } from './workflows/payments/desk.ts';
import { UnwrittenOutcomes } from './workflows/payments/unwritten-outcomes.ts';
import { startReconciler } from './workflows/reconcile.ts';
import { abandonAttempts, interruptOrphans } from './workflows/recovery.ts';
import { ensureAccount } from './workflows/stores/account-store.ts';
import { openProviders, type OpenedProviders } from './workflows/providers/open-providers.ts';
import { createCardVault } from './workflows/tokens/card-vault.ts';
import type { CardVault, TokenDesk } from './workflows/tokens/contract.ts';
import { createTokenDesk } from './workflows/tokens/desk.ts';
import { startRetention } from './workflows/tokens/retention.ts';
import { AccountStream } from './workflows/webhooks/account-stream.ts';
import { Webhooks } from './workflows/webhooks/desk.ts';
import { startWebhookRunner } from './workflows/webhooks/runner.ts';

/** Running captures get this long to write their last events when the process is asked to stop. */
const SETTLE_LIMIT_MS = 3000;

/** `openapi.yaml` lies in the package's root, two folders up from here when built and one when not. */
const CONTRACT = new URL(
  import.meta.url.includes('/dist/') ? '../../openapi.yaml' : '../openapi.yaml',
  import.meta.url,
);

/** What was started, to be stopped in the reverse order. */
class Stopper {
  readonly #steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.unshift(step);
  }

  async stop(logger: Logger): Promise<void> {
    for (const step of this.#steps.splice(0)) {
      try {
        await step();
      } catch (error) {
        logger.error('a part did not stop', { error });
      }
    }
  }
}

export interface App {
  /** Where the HTTP interface listens. */
  readonly httpPort: number;
  /** Where jambonz connects. */
  readonly telephonyPort: number;
  close(): Promise<void>;
}

/** `hushtone serve`: runs the gateway until SIGTERM or SIGINT. */
export async function serve(): Promise<number> {
  const config = loadConfig(readEnvironment());
  assertServable(config, readRuntime());
  const logger = createLogger(config.logLevel);
  prepareSecretMemory(config.secretMemoryBytes);
  if (!leaveMemoryOutOfCoreFiles()) logger.warn('a core file of this process would hold its memory');
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  // Node would open an inspector on this signal, and an inspector reads memory: a listener of ours takes its place.
  process.on('SIGUSR1', () => logger.warn('no inspector is opened', { signal: 'SIGUSR1' }));
  const app = await startApp(config, logger);
  logger.info('ready');
  const signal = await stopped;
  logger.info('stopping', { signal });
  await app.close();
  return 0;
}

/** Builds and starts everything that the configuration asks for. What fails on the way is undone. */
export async function startApp(config: Config, logger: Logger): Promise<App> {
  const stopper = new Stopper();
  try {
    return await start(config, logger, stopper);
  } catch (error) {
    await stopper.stop(logger);
    throw error;
  }
}

async function start(config: Config, logger: Logger, stopper: Stopper): Promise<App> {
  const clock = systemClock;
  const { instanceId } = config;
  const contract = loadContract(CONTRACT);
  const tokens = {
    ...config.tokens,
    keys: createKeyRing(
      readSigningKey(config.tokens.signingKey.reveal()),
      config.tokens.previousKeys.map(readVerificationKey),
    ),
  };
  const { database, databaseUrl } = await startDatabase(config, logger, stopper);
  await prepareDatabase(config, database);
  const keyRing = await startKeyRing(config, database, databaseUrl, logger);
  stopper.add(async () => await keyRing.close());
  await interruptOrphans({ database, clock, logger }, { instanceId });
  await abandonAttempts({ database, clock, logger }, instanceId);
  await startAuditCheckpoints(config, database, logger, stopper);

  const cards = startCardVault(config, database, keyRing, logger, stopper);
  const providers = await startProviders(config, database, keyRing, logger, stopper);
  const payments = startPayments(config, database, providers, cards.vault, logger, stopper);

  const numbers = createNumbers({
    keyRing,
    ...(config.numbers.key !== undefined && { earlier: createEarlierNumbers(config.numbers.key) }),
    logger,
    ...(config.numbers.country !== undefined && { country: config.numbers.country }),
  });
  const telephony = await startCalls(config, database, numbers, logger, stopper);
  const { calls } = telephony;
  const captures = new Captures({
    ...payments,
    calls,
    defaults: {
      ...config.capture,
      mode: config.payments.mode,
      tokenStorage: config.payments.tokenStorage,
    },
  });
  stopper.add(async () => await captures.settle(SETTLE_LIMIT_MS));

  const events = await startEvents(config, database, databaseUrl, logger, stopper);

  const idempotency = startIdempotency(database, logger, stopper);

  // A port that the system chooses is known once the listener is up, and nobody asks before.
  let httpPort = config.http.port;
  const publicUrl = (): string => publicUrlOf(config, httpPort);
  const http = await buildHttp({
    contract,
    captures,
    calls: createCallDesk({
      calls,
      database,
      numbers,
      isCaptured: (callId) => captures.isCaptured(callId),
    }),
    grants: new Grants({
      database,
      issueToken: async (grant) => await issueGrantToken(tokens, grant, clock),
      clock,
      logger,
    }),
    audit: auditDeskOf(config, database, logger),
    payments: createPaymentDesk(payments),
    providers: providers.desk,
    cardTokens: cards.desk,
    ...events,
    idempotency,
    ...(config.payments.connectorInbound && {
      connector: createConnectorDesk({ ...payments, idempotency, mode: config.payments.mode }),
    }),
    listener: config.http,
    rateLimits: config.rateLimits,
    panelOrigins: config.http.panelOrigins,
    clock,
    readiness: async () => await readiness(database),
    verifyToken: verifierOf(config, tokens, clock),
    authorization: authorizationOf(config, tokens, database, publicUrl),
    networksOf: createClientDirectory(database, clock),
    logger,
    ...(config.tls && {
      tls: {
        cert: config.tls.certificate,
        key: config.tls.key.reveal(),
        askForCertificates: config.http.askForCertificates,
      },
    }),
    checkResponses: config.environment !== 'production',
  });
  stopper.add(async () => await http.close());
  await http.listen({ host: config.http.host, port: config.http.port });
  httpPort = (http.server.address() as { port: number }).port;
  logger.info('http listens', { host: config.http.host, port: httpPort });
  logger.info('telephony listens', { host: config.telephony.host, port: telephony.port });
  return {
    httpPort,
    telephonyPort: telephony.port,
    close: async () => await stopper.stop(logger),
  };
}

function verifierOf(config: Config, tokens: TokenIssuer, clock: Clock): TokenVerifier {
  const { external } = config.tokens;
  const own = createTokenVerifier(tokens, clock);
  if (external === undefined) return own;
  return chooseVerifier(own, { issuer: external.issuer, verify: createExternalVerifier(external, clock) });
}

function authorizationOf(
  config: Config,
  tokens: TokenIssuer,
  database: Database,
  publicUrl: () => string,
): AuthorizationServer {
  const clock = systemClock;
  const endpoint = new TokenEndpoint({
    issuer: tokens,
    url: () => `${publicUrl()}${TOKEN_PATH}`,
    records: createTokenRecords(database, appendAudit, clock),
    clock,
  });
  return createAuthorizationServer({
    issuer: tokens.issuer,
    keys: tokens.keys,
    endpoint,
    publicUrl,
    certificates: config.http.askForCertificates,
  });
}

/** Checkpoints of the audit chains, for as long as the process runs. */
async function startAuditCheckpoints(
  config: Config,
  database: Database,
  logger: Logger,
  stopper: Stopper,
): Promise<void> {
  const { signingKey, checkpointSeconds } = config.audit;
  if (signingKey === undefined) {
    logger.warn('no AUDIT_SIGNING_KEY_FILE: the audit trail gets no checkpoints');
    return;
  }
  const checkpointing = startCheckpointing({
    store: createCheckpointStore(database),
    sign: await checkpointSigner(createPrivateKey(signingKey.reveal())),
    everyMs: checkpointSeconds * 1000,
    clock: systemClock,
    logger,
  });
  stopper.add(async () => await checkpointing.stop());
}

/** Keys of any instance, forgotten after 24 hours by whichever comes first. */
function startIdempotency(database: Database, logger: Logger, stopper: Stopper): Idempotency {
  const options = { database, clock: systemClock, logger };
  const cleanup = startIdempotencyCleanup(options);
  stopper.add(async () => await cleanup.stop());
  return new Idempotency(options);
}

function auditDeskOf(config: Config, database: Database, logger: Logger): AuditDesk {
  const { exportIdentity } = config.audit;
  const signManifest =
    exportIdentity &&
    createCmsSigner({ certificate: exportIdentity.certificate, key: exportIdentity.key.reveal() });
  return createAuditDesk({ database, clock: systemClock, logger, ...(signManifest && { signManifest }) });
}

/** What accounts are told: their event streams and their webhooks. */
async function startEvents(
  config: Config,
  database: Database,
  databaseUrl: string,
  logger: Logger,
  stopper: Stopper,
): Promise<{ readonly webhooks: Webhooks; readonly accountEvents: AccountStream }> {
  const clock = systemClock;
  const { keys, allowPrivate, concurrency } = config.webhooks;
  const hex = keys?.map((key) => key.reveal()) ?? [
    await developmentKey(join(config.database.dataDir, 'webhooks.key')),
  ];
  const seal = createSecretSeal(hex.map((key) => Buffer.from(key, 'hex')));
  const policy = {
    allowPrivate,
    allowPlainLoopback: allowPrivate && config.environment !== 'production',
  };
  const accountEvents = new AccountStream({ database, databaseUrl, clock, logger });
  await accountEvents.start();
  stopper.add(async () => await accountEvents.stop());
  const runner = await startWebhookRunner({
    database,
    databaseUrl,
    concurrency,
    seal,
    send: createSender({ policy }),
    clock,
    logger,
    random: Math.random,
  });
  stopper.add(async () => await runner.stop());
  return { webhooks: new Webhooks({ database, seal, policy, clock }), accountEvents };
}

async function startDatabase(
  config: Config,
  logger: Logger,
  stopper: Stopper,
): Promise<{ readonly database: Database; readonly databaseUrl: string }> {
  const { url, dataDir, poolSize } = config.database;
  let connection = url?.reveal();
  if (connection === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir, logger });
    stopper.add(async () => await embedded.stop());
    connection = embedded.url;
  }
  await migrate(connection);
  const database = openDatabase({ url: connection, poolSize, logger });
  stopper.add(async () => await database.close());
  return { database, databaseUrl: connection };
}

/** Every row belongs to an account: those that the routes name must be there before the first call. */
async function prepareDatabase(config: Config, database: Database): Promise<void> {
  const accounts = new Set(Object.values(config.routes).map(({ accountId }) => accountId));
  for (const accountId of accounts) {
    await database.transaction(accountId, async (db) => await ensureAccount(db, accountId));
  }
}

/** Cards of accounts that want tokens of their own, kept no longer than they are to be. */
function startCardVault(
  config: Config,
  database: Database,
  keyRing: KeyRing,
  logger: Logger,
  stopper: Stopper,
): { readonly vault: CardVault; readonly desk: TokenDesk } {
  const clock = systemClock;
  const policy = config.cardTokens;
  const retention = startRetention({ database, clock, logger });
  stopper.add(async () => await retention.stop());
  return {
    vault: createCardVault({ database, keyRing, policy, clock }),
    desk: createTokenDesk({ database, clock, retentionDays: policy.retentionDays }),
  };
}

async function startProviders(
  config: Config,
  database: Database,
  ring: KeyRing,
  logger: Logger,
  stopper: Stopper,
): Promise<OpenedProviders> {
  const { timeoutMs, allowPrivate } = config.payments;
  const policy = { allowPrivate, allowPlainLoopback: false };
  const allowAddress = (address: string): boolean => isAddressAllowed(address, policy);
  const dependencies = { clock: systemClock, logger, timeoutMs, allowAddress };
  const opened = await openProviders({ database, ring, dependencies, installed: config.provider });
  stopper.add(async () => await opened.directory.close());
  return opened;
}

/** What payments are made with, and the reconciler that finds out what became of them. */
function startPayments(
  config: Config,
  database: Database,
  { directory }: OpenedProviders,
  vault: CardVault,
  logger: Logger,
  stopper: Stopper,
): PaymentDependencies {
  const clock = systemClock;
  const unwritten = new UnwrittenOutcomes();
  const { chaosPoint } = config.payments;
  const payments: PaymentDependencies = {
    database,
    directory,
    vault,
    clock,
    logger,
    instanceId: config.instanceId,
    providerTimeoutMs: config.payments.timeoutMs,
    unwritten,
    ...(chaosPoint && { onPoint: dieAt(chaosPoint, logger) }),
  };
  const reconciler = startReconciler({ ...payments, everyMs: config.payments.reconcileSeconds * 1000 });
  stopper.add(async () => {
    await reconciler.stop();
    await unwritten.settled(clock, SETTLE_LIMIT_MS);
  });
  return payments;
}

async function startCalls(
  config: Config,
  database: Database,
  numbers: Numbers,
  logger: Logger,
  stopper: Stopper,
): Promise<TelephonyServer> {
  const clock = systemClock;
  const { telephony } = config;
  const server = await startTelephony({
    host: telephony.host,
    port: telephony.port,
    ...(config.tls && { tls: { cert: config.tls.certificate, key: config.tls.key.reveal() } }),
    ...(telephony.listenUrl !== undefined && { listenUrl: telephony.listenUrl }),
    username: telephony.username,
    password: telephony.password,
    bridge: telephony.bridge,
    agentTimeoutSeconds: telephony.agentTimeoutSeconds,
    router: routerOf(config),
    journal: createCallJournal(database, config.instanceId, numbers),
    observer: {
      adopted: async ({ callId }) => await interruptOrphans({ database, clock, logger }, { callId }),
      changed: () => undefined,
    },
    ...mediaEngine(config, logger, stopper),
    logger,
    clock,
  });
  stopper.add(async () => await server.close());
  return server;
}

function mediaEngine(config: Config, logger: Logger, stopper: Stopper) {
  const { bridge, rtpengine } = config.telephony;
  if (bridge !== 'dial' || rtpengine === undefined) return {};
  const clock = systemClock;
  const host = rtpengine.host.includes(':') ? `[${rtpengine.host}]` : rtpengine.host;
  const ng = createNgClient(`${rtpengine.protocol}://${host}:${rtpengine.port}`, {
    timeoutMs: rtpengine.timeoutMs,
    logger,
    clock,
  });
  stopper.add(async () => await ng.close());
  const freeswitch = new BlockList();
  for (const { address, prefix, family } of rtpengine.freeswitchMedia)
    freeswitch.addSubnet(address, prefix, family);
  const freeswitchAddresses = (address: string): boolean =>
    freeswitch.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  const { version, sentinelAddress } = rtpengine;
  const { allowed, reason } = subscriptionSentinelAllowed(version);
  const listens = allowed && sentinelAddress !== undefined;
  logger.info(listens ? 'the dial bridge has a sentinel' : 'the dial bridge has no sentinel', {
    reason: allowed && !listens ? 'SENTINEL_ADDRESS is not set' : reason,
  });
  return {
    ...(version !== undefined && { engineVersion: version }),
    ...(listens && {
      dialSentinel: async (
        stream: { readonly callId: string; readonly tag: string },
        heard: { audio(samples: Int16Array): void; telephoneEvent(): void },
      ) =>
        await subscribeSentinel({
          ng,
          stream,
          listen: { address: sentinelAddress, port: 0 },
          onAudio: (samples) => heard.audio(samples),
          onTelephoneEvent: () => heard.telephoneEvent(),
          logger,
        }),
    }),
    dialMask: (leg: Pick<Parameters<typeof createDialMask>[0], 'agentLegCallId' | 'record'>) =>
      createDialMask({ ng, freeswitchAddresses, logger, ...leg }),
    mediaServer: createMediaServerMonitor({ ng, clock, logger }),
  };
}

function routerOf(config: Config): Router {
  const routes = new Map(Object.entries(config.routes));
  return (to) => routes.get(to);
}

async function readiness(database: Database): Promise<HealthReport> {
  try {
    await database.ping();
    return { status: 'ok', checks: { database: 'ok' } };
  } catch {
    return { status: 'unavailable', checks: { database: 'unavailable' } };
  }
}
