import { createAccess, tokenIssuerOf } from './app/access.ts';
import { startAudit } from './app/audit.ts';
import { startCaptures } from './app/captures.ts';
import { startCards } from './app/cards.ts';
import { readiness, startDatabase } from './app/database.ts';
import { startEvents } from './app/events.ts';
import { startIdempotency } from './app/idempotency.ts';
import { listening } from './app/listening.ts';
import { numbersOf } from './app/numbers.ts';
import { startPayments, startProviders } from './app/payments.ts';
import { SETTLE_LIMIT_MS } from './app/settle-limit.ts';
import { SharedTime } from './app/shared-time.ts';
import type { Startup } from './app/startup.ts';
import { Stopper } from './app/stopper.ts';
import { assertServable } from './config/assert-servable.ts';
import { publicUrlOf, type Config } from './config/config.ts';
import { forgetSecretSettings, readEnvironment, readRuntime } from './config/environment.ts';
import { loadConfig } from './config/load-config.ts';
import { loadContract } from './http/contract.ts';
import { buildHttp } from './http/server.ts';
import { systemClock } from './kernel/clock.ts';
import { createLogger, type Logger } from './kernel/logger.ts';
import { startKeyRing } from './key-ring.ts';
import { prepareSecretMemory } from './secrets/arena.ts';
import { leaveMemoryOutOfCoreFiles } from './secrets/core-files.ts';
import { createCallDesk } from './workflows/call-desk.ts';
import { createConnectorDesk } from './workflows/connector/desk.ts';
import { createPaymentDesk } from './workflows/payments/desk.ts';
import { abandonAttempts, interruptOrphans } from './workflows/recovery.ts';

/** `openapi.yaml` lies in the package's root, two folders up from here when built and one when not. */
const CONTRACT = new URL(
  import.meta.url.includes('/dist/') ? '../../openapi.yaml' : '../openapi.yaml',
  import.meta.url,
);

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
  forgetSecretSettings();
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

/**
 * Builds and starts everything that the configuration asks for. What fails on the way is undone; a port that is taken
 * rejects with `cannot_listen`.
 */
export async function startApp(config: Config, logger: Logger): Promise<App> {
  const stopper = new Stopper(logger, systemClock);
  try {
    return await start({ config, clock: systemClock, logger, stopper });
  } catch (error) {
    await stopper.stop();
    throw error;
  }
}

/** Each part after those that it uses; they are stopped in the reverse order, so that none loses what it stands on. */
async function start(beginning: Startup): Promise<App> {
  const { config, clock, logger, stopper } = beginning;
  const contract = loadContract(CONTRACT);
  const issuer = tokenIssuerOf(config);

  const startup = await startDatabase(beginning);
  const { database, databaseUrl } = startup;
  const keyRing = await startKeyRing(config, database, databaseUrl, logger);
  stopper.add('the key ring', async () => await keyRing.close());

  // What this instance had under way when it ended.
  await interruptOrphans({ database, clock, logger }, { instanceId: config.instanceId });
  await abandonAttempts({ database, clock, logger }, config.instanceId);

  const audit = await startAudit(startup);
  const cards = startCards(startup, keyRing);
  const providers = await startProviders(startup, keyRing);
  const lastWrites = new SharedTime(clock, SETTLE_LIMIT_MS);
  const payments = startPayments(startup, providers, cards.vault, lastWrites);

  const numbers = numbersOf(startup, keyRing);
  const { calls, captures, telephonyPort } = await startCaptures(startup, payments, numbers, lastWrites);
  const events = await startEvents(startup);
  const idempotency = startIdempotency(startup);

  // A port that the system chooses is known once the listener is up, and nobody asks before.
  let httpPort = config.http.port;
  const http = await buildHttp({
    contract,
    captures,
    calls: createCallDesk({
      calls,
      database,
      numbers,
      isCaptured: (callId) => captures.isCaptured(callId),
    }),
    audit,
    payments: createPaymentDesk(payments),
    providers: providers.desk,
    cardTokens: cards.desk,
    ...events,
    idempotency,
    ...(config.payments.connectorInbound && {
      connector: createConnectorDesk({ ...payments, idempotency, mode: config.payments.mode }),
    }),
    ...createAccess(startup, issuer, () => publicUrlOf(config, httpPort)),
    readiness: async () => await readiness(database),
    listener: config.http,
    rateLimits: config.rateLimits,
    panelOrigins: config.http.panelOrigins,
    clock,
    logger,
    ...(config.tls && {
      tls: {
        cert: config.tls.certificate,
        key: config.tls.key.reveal(),
        askForCertificates: config.http.askForCertificates,
      },
    }),
    checkResponses: config.environment !== 'production',
    settleLimitMs: SETTLE_LIMIT_MS,
  });
  stopper.add('HTTP', async () => await http.close());
  const { host, port } = config.http;
  await listening(config.http, 'HTTP', async () => await http.listen({ host, port }));
  httpPort = (http.server.address() as { port: number }).port;
  logger.info('http listens', { host, port: httpPort });
  logger.info('telephony listens', { host: config.telephony.host, port: telephonyPort });
  return { httpPort, telephonyPort, close: async () => await stopper.stop() };
}
