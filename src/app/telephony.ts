import type { Config } from '../config/config.ts';
import type { Router } from '../telephony/contract.ts';
import { startTelephony as startServer, type TelephonyServer } from '../telephony/jambonz/server.ts';
import { createCallJournal } from '../workflows/call-journal.ts';
import type { Numbers } from '../workflows/numbers.ts';
import { interruptOrphans } from '../workflows/recovery.ts';
import { listening } from './listening.ts';
import { startMediaEngine } from './media-engine.ts';
import type { StartupWithDatabase } from './startup.ts';

/** Takes calls from jambonz. The media engine is left alone only when no call is heard any more. */
export async function startTelephony(
  startup: StartupWithDatabase,
  numbers: Numbers,
): Promise<TelephonyServer> {
  const { config, database, clock, logger, stopper } = startup;
  const { telephony } = config;
  const engine = startMediaEngine(startup);
  const options = {
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
      adopted: async ({ callId }: { readonly callId: string }) =>
        await interruptOrphans({ database, clock, logger }, { callId }),
      changed: () => undefined,
    },
    ...engine,
    logger,
    clock,
  };
  const server = await listening(telephony, 'TELEPHONY', async () => await startServer(options));
  stopper.add('telephony', async () => await server.close());
  return server;
}

function routerOf(config: Config): Router {
  const routes = new Map(Object.entries(config.routes));
  return (to) => routes.get(to);
}
