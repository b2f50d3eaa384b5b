import { createSecretKey } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { closeServer, listen, LOOPBACK } from '../doubles/loopback.ts';
import { SandboxAdmin } from './admin.ts';
import { createAdminListener } from './admin-listener.ts';
import { createApiListener, type SeenRequest } from './api-listener.ts';
import { EnvelopeKeys } from './envelope-keys.ts';
import { FaultQueue } from './faults.ts';
import { Ledger } from './ledger.ts';
import { PaymentsApi } from './payments-api.ts';

/** A request is known to the look-up from the moment it was read: what is left is the way there. */
const ABSENCE_PROVEN_AFTER_MS = 30_000;

export interface SandboxProviderServerOptions {
  /** PEM. Clients must show a certificate of `clientCa`. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  readonly adminToken: string;
  /** 32 or 64 hexadecimal digits, the AES key of ISO 9564-1 format 4 blocks. Without it PIN blocks are refused. */
  readonly pinKey?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 0: any free port. */
  readonly adminPort?: number;
  /** What its look-up promises: see `ProviderCapabilities`. Default 30 seconds. */
  readonly absenceProvenAfterMs?: number;
  /** The provider's wall clock. Default: the system's. */
  readonly now?: () => Date;
}

export interface SandboxProviderServer {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly adminUrl: string;
  readonly adminPort: number;
  readonly admin: SandboxAdmin;
  /** Drops every connection, also those that hang. */
  close(): Promise<void>;
}

/** Starts a sandbox payment provider in this process: HTTPS with client certificates, and an admin port. */
export async function createSandboxProviderServer(
  options: SandboxProviderServerOptions,
): Promise<SandboxProviderServer> {
  const keys = await EnvelopeKeys.generate();
  const ledger = new Ledger();
  const faults = new FaultQueue();
  const seen: SeenRequest[] = [];
  const closing = new AbortController();
  const api = new PaymentsApi({
    keys,
    ledger,
    pinKey: options.pinKey === undefined ? undefined : parsePinKey(options.pinKey),
    absenceProvenAfterMs: options.absenceProvenAfterMs ?? ABSENCE_PROVEN_AFTER_MS,
    now: options.now ?? (() => new Date()),
  });
  const apiServer = createHttpsServer(
    {
      cert: options.tls.cert,
      key: options.tls.key,
      ca: options.tls.clientCa,
      requestCert: true,
      rejectUnauthorized: false, // the listener answers 401, so that a client can tell what is wrong
      minVersion: 'TLSv1.2',
    },
    createApiListener({ api, faults, seen, closing: closing.signal }),
  );
  const adminServer = createHttpServer(
    createAdminListener({ token: options.adminToken, keys, ledger, faults, seen }),
  );
  const close = async (): Promise<void> => {
    closing.abort();
    await Promise.all([closeServer(apiServer), closeServer(adminServer)]);
  };
  try {
    const port = await listen(apiServer, options.port ?? 0);
    const adminPort = await listen(adminServer, options.adminPort ?? 0);
    const adminUrl = `http://${LOOPBACK}:${adminPort}`;
    return {
      url: `https://${LOOPBACK}:${port}`,
      port,
      adminUrl,
      adminPort,
      admin: new SandboxAdmin(adminUrl, options.adminToken),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function parsePinKey(hex: string) {
  if (!/^(?:[0-9a-f]{32}|[0-9a-f]{64})$/i.test(hex)) {
    throw new Error('the PIN key must have 32 or 64 hexadecimal digits');
  }
  return createSecretKey(Buffer.from(hex, 'hex'));
}
