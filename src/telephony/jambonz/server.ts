import type { AddressInfo } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Secret } from '../../secrets/secret.ts';
import type { Bridge, CallJournal, CallObserver, Calls, Router } from '../contract.ts';
import { createBasicAuth } from './basic-auth.ts';
import { CallFlow } from './call-flow.ts';
import { CallRegistry } from './call-registry.ts';
import { ConferenceFlow } from './conference-flow.ts';
import { DialFlow } from './dial-flow.ts';
import { JambonzCalls } from './jambonz-calls.ts';
import type { ListeningServices } from './leg-listening.ts';
import { ListenPaths } from './listen-paths.ts';
import type { DialMaskFactory, DialSentinelFactory, MediaServerWatch } from './masked-call.ts';
import { readStatusBody } from './session-frame.ts';
import { SessionSocket } from './session-socket.ts';
import { TelephonyHttp } from './telephony-http.ts';

export interface TelephonyOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** The ws or wss address of this server as jambonz reaches it. Without it: the address that it listens on. */
  readonly listenUrl?: string;
  /** What jambonz sends as Basic authorization, on control and on listen sockets. */
  readonly username: string;
  readonly password: Secret;
  readonly bridge: Bridge;
  readonly agentTimeoutSeconds: number;
  readonly router: Router;
  readonly journal: CallJournal;
  readonly observer: CallObserver;
  /** Needed for the dial bridge. */
  readonly dialMask?: DialMaskFactory;
  readonly dialSentinel?: DialSentinelFactory;
  readonly mediaServer?: MediaServerWatch;
  /** The version of the media server, for the evidence. */
  readonly engineVersion?: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface TelephonyServer {
  readonly calls: Calls;
  /** Where to point the jambonz application: `ws(s)://host:port/jambonz`. */
  readonly url: string;
  readonly port: number;
  /** Ends every socket with 1001. The calls and the locks on them live on. */
  close(): Promise<void>;
}

/** Listens for jambonz. Rejects with `telephony_config`, or with the reason why it cannot listen. */
export async function startTelephony(options: TelephonyOptions): Promise<TelephonyServer> {
  const { bridge, clock, logger, username, password } = options;
  if (bridge === 'dial' && options.dialMask === undefined) {
    throw new HushtoneError('telephony_config', 'invalid', 'the dial bridge needs the address of rtpengine');
  }
  let listenUrl = '';
  const paths = new ListenPaths(clock);
  const registry = new CallRegistry(clock);
  const refused = (reason: string): void => logger.warn('refused', { reason });
  const listening: ListeningServices = {
    paths,
    clock,
    listenUrl: () => listenUrl,
    wsAuth: () => ({ username, password: password.reveal() }),
    refused,
  };
  const conference = new ConferenceFlow({
    agentTimeoutSeconds: options.agentTimeoutSeconds,
    httpUrl: () => listenUrl.replace(/^ws/, 'http'),
    socketAuth: () => ({ username, password: password.reveal() }),
    clock,
    logger,
  });
  const dial = new DialFlow(options.agentTimeoutSeconds);
  const { router, journal, observer } = options;
  const flow = new CallFlow({ bridge, dial, conference, registry, router, journal, observer, clock, logger });
  const http = new TelephonyHttp({
    ...(options.tls !== undefined && { tls: options.tls }),
    authorized: createBasicAuth(username, password),
    control: (socket, path) => void new SessionSocket(socket, path, flow),
    listen: (token) => paths.redeem(token),
    status: (token, body) => {
      const call = conference.byToken(token);
      const status = readStatusBody(body);
      if (call !== undefined && status !== undefined) flow.httpStatus(call, status);
      return call !== undefined;
    },
    refused,
  });
  const port = await listen(http, options.host, options.port);
  const scheme = options.tls === undefined ? 'ws' : 'wss';
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const own = `${scheme}://${host}:${port}`;
  listenUrl = (options.listenUrl ?? own).replace(/\/+$/, '');
  return {
    calls: new JambonzCalls(registry, { ...options, listening }),
    url: `${own}/jambonz`,
    port,
    close: async () => {
      paths.clear();
      await http.close();
    },
  };
}

async function listen(http: TelephonyHttp, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    http.server.once('error', reject);
    http.server.listen(port, host, () => {
      http.server.off('error', reject);
      resolve();
    });
  });
  return (http.server.address() as AddressInfo).port;
}
