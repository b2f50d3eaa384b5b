import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tlsServerOptions } from '../../src/pki/tls-options.ts';
import { createAdminListener } from './admin-listener.ts';
import type { LedgerEntry, ProviderDouble, SeenRequest } from './contract.ts';
import { FaultQueue, type Fault } from './faults.ts';
import { createListener } from './listener.ts';
import { closeServer, listen, LOOPBACK } from './loopback.ts';
import { Replays } from './replays.ts';
import type { DoubleRequest, Refusals, Route } from './route.ts';

/** PEM texts: what the double shows, and who has signed it. Clients must show a certificate of `clientCa`, if given. */
export interface DoubleTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

/** What one provider's double is made of. */
export interface DoubleParts {
  readonly routes: readonly Route[];
  readonly refusals: Refusals;
  admit(request: DoubleRequest): void;
  ledger(): readonly LedgerEntry[];
  /** Forgets every payment and card. */
  clear(): void;
  /** Headers of an answer that is given again, such as `idempotent-replayed`. */
  readonly replayed?: Readonly<Record<string, string>>;
}

export interface DoubleServerOptions {
  readonly tls: DoubleTls;
  /** Default 0: any free port. */
  readonly port?: number;
  /** An admin port with this bearer token, on a loopback address, for tests in another process. */
  readonly adminToken?: string;
}

export interface DoubleServer extends ProviderDouble {
  readonly port: number;
  /** Where there is an admin token. */
  readonly adminPort?: number;
}

/** Starts a provider's double in this process: real HTTPS on a loopback address. */
export async function startDouble(parts: DoubleParts, options: DoubleServerOptions): Promise<DoubleServer> {
  const { tls, port = 0, adminToken } = options;
  const faults = new FaultQueue();
  const seen: SeenRequest[] = [];
  const replays = new Replays(parts.refusals, parts.replayed ?? {});
  const closing = new AbortController();
  const listener = createListener({
    ...parts,
    admit: (request) => parts.admit(request),
    faults,
    replays,
    seen,
    closing: closing.signal,
  });
  const servers: HttpServer[] = [createHttpsServer(tlsServerOptionsOf(tls), listener)];
  const close = async (): Promise<void> => {
    closing.abort();
    await Promise.all(servers.map(closeServer));
  };
  const double = {
    ca: tls.ca,
    ledger: async () => [...parts.ledger()],
    requests: async () => [...seen],
    setFaults: async (wanted: readonly Fault[]): Promise<void> => faults.set(wanted),
    reset: async (): Promise<void> => {
      faults.set([]);
      seen.length = 0;
      replays.clear();
      parts.clear();
    },
    close,
  };
  if (adminToken !== undefined) servers.push(createServer(createAdminListener(adminToken, double)));
  try {
    const [apiPort = 0, adminPort] = await Promise.all(
      servers.map((server, index) => listen(server, index === 0 ? port : 0)),
    );
    return {
      ...double,
      url: `https://${LOOPBACK}:${apiPort}`,
      port: apiPort,
      ...(adminPort !== undefined && { adminPort }),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function tlsServerOptionsOf({ cert, key, clientCa }: DoubleTls) {
  return tlsServerOptions({ certificate: cert, key, ...(clientCa !== undefined && { clientCa }) });
}
