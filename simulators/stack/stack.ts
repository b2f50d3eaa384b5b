import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { issueToken } from '../../src/access/access-token.ts';
import { createKeyRing, readSigningKey } from '../../src/access/signing-keys.ts';
import { SCOPES } from '../../src/access/principal.ts';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ROLES } from '../../src/kernel/roles.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../src/pki/development.ts';
import type { DtmfTransport, Media, PhoneOptions } from '../jambonz/media/contract.ts';
import { createInProcessMedia } from '../jambonz/media/in-process-media.ts';
import { createRtpengineMedia } from '../jambonz/media/rtpengine-media.ts';
import { startJambonzSimulator, type JambonzSimulator, type SimulatedCall } from '../jambonz/simulator.ts';
import { startRtpengine, type RtpengineDaemon } from '../rtpengine/daemon.ts';
import { startSandboxProviderProcess, type SandboxProviderProcess } from '../sandbox-provider/process.ts';
import { ApiClient, type ApiAnswer } from './api-client.ts';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { freePort } from './ports.ts';

/** The account that every line of the stack belongs to. */
export const ACCOUNT = 'acc_demo';
/** The AES key that the sandbox provider and the gateway share for PIN blocks: of this stack only. */
const PIN_KEY = randomBytes(16).toString('hex');
const ISSUER = 'https://gateway.hushtone.test';
const AUDIENCE = 'hushtone';

export interface StackOptions {
  readonly bridge: 'dial' | 'conference';
  /** How many numbers, each with an agent of its own: as many calls can be up at once. Default 1. */
  readonly lines?: number;
  /** FreeSWITCH's conference profile. Default `none`. */
  readonly callerControls?: 'none' | 'stock';
  /** More settings for the gateway, or other values for those that the stack sets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** jambonz's data for the recording of these calls, as a route has it. */
  readonly recording?: Readonly<Record<string, unknown>>;
  /** Called with each answer to an operation of the HTTP interface. */
  readonly onAnswer?: (method: string, path: string, answer: ApiAnswer) => void;
  /** Stands between the telephone system and its media; for measurements. */
  readonly aroundMedia?: (media: Media) => Media;
  /** Stands between the gateway and what it connects to: gets the address, and gives the one to connect to instead. */
  readonly through?: (peer: 'provider' | 'database', url: string) => Promise<string>;
  /** The data outlives a server that is killed, as it does in production. Default: nothing is flushed. */
  readonly durable?: boolean;
  /** What the provider promises of its look-up: see `ProviderCapabilities`. Default 30 seconds. */
  readonly absenceProvenAfterMs?: number;
  /** Told what is being started, a line each. */
  readonly onProgress?: (text: string) => void;
}

export interface Line {
  readonly number: string;
  readonly agentId: string;
  readonly agentNumber: string;
}

/** Everything that a call needs, each part as real as this machine allows. */
export interface Stack {
  readonly directory: string;
  readonly databaseUrl: string;
  /** Kills the database's server with all connections to it and starts it again on the same port. For `durable` ones. */
  readonly restartDatabase: () => Promise<void>;
  /** All that the gateway is given, for another one beside it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly pki: DevelopmentPki;
  readonly caCertificate: string;
  readonly apiUrl: string;
  readonly api: ApiClient;
  readonly provider: SandboxProviderProcess;
  readonly rtpengine: RtpengineDaemon | undefined;
  readonly media: Media;
  readonly simulator: JambonzSimulator;
  readonly lines: readonly Line[];
  /** The running gateway process; another one after `restartGateway`. */
  readonly gateway: () => GatewayProcess;
  readonly token: (scopes?: readonly string[], accountId?: string) => Promise<string>;
  /** Places a call to a line and waits until caller and agent are connected. */
  readonly call: (options?: CallOptions) => Promise<SimulatedCall>;
  /** Starts the gateway again on the same ports, after it was stopped or killed. */
  readonly restartGateway: () => Promise<void>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly line?: number;
  readonly caller?: Partial<PhoneOptions>;
  readonly agent?: Partial<PhoneOptions>;
  /** Do not wait for the connection. */
  readonly unanswered?: boolean;
}

export type { DtmfTransport };

/** From sources it is two folders up, from a build three. */
const ROOT = fileURLToPath(
  new URL(import.meta.url.includes('/dist/') ? '../../../' : '../../', import.meta.url),
);

function lineOf(index: number): Line {
  const suffix = String(index).padStart(3, '0');
  return { number: `+15083084${suffix}`, agentId: `agent-${index + 1}`, agentNumber: String(2000 + index) };
}

/** Starts all of it. What was started is stopped again when a later part fails. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stops: (() => Promise<void>)[] = [];
  try {
    return await start(options, stops);
  } catch (error) {
    await stopAll(stops);
    throw error;
  }
}

async function stopAll(stops: (() => Promise<void>)[]): Promise<void> {
  for (const stop of stops.splice(0).toReversed()) await stop();
}

async function start(options: StackOptions, stops: (() => Promise<void>)[]): Promise<Stack> {
  const progress = options.onProgress ?? (() => undefined);
  const lines = Array.from({ length: options.lines ?? 1 }, (_, index) => lineOf(index));
  const directory = await mkdtemp(join(tmpdir(), 'hushtone-'));
  stops.push(async () => await rm(directory, { recursive: true, force: true }));
  // The database's server may run as another user, who must be able to reach its data below this.
  await chmod(directory, 0o755);

  progress('development certificates');
  const pki = await createDevelopmentPki(join(ROOT, 'certs', 'dev'));
  const caCertificate = await readFile(pki.ca.certificate, 'utf8');
  progress('embedded PostgreSQL');
  const databaseDir = join(directory, 'data');
  const disposable = options.durable !== true;
  let postgres = await startEmbeddedPostgres({ dataDir: databaseDir, disposable });
  stops.push(async () => await postgres.stop());
  progress('sandbox payment provider');
  const provider = await startSandboxProviderProcess({
    tls: { certFile: pki.provider.certificate, keyFile: pki.provider.key, clientCaFile: pki.ca.certificate },
    pinKey: PIN_KEY,
    ...(options.absenceProvenAfterMs !== undefined && { absenceProvenAfterMs: options.absenceProvenAfterMs }),
  });
  stops.push(async () => await provider.stop());

  let rtpengine: RtpengineDaemon | undefined;
  if (options.bridge === 'dial') {
    progress('rtpengine');
    rtpengine = await startRtpengine();
    const daemon = rtpengine;
    stops.push(async () => await daemon.stop());
  }
  const plainMedia = rtpengine ? createRtpengineMedia({ ng: rtpengine.ngUdp }) : createInProcessMedia();
  const media = options.aroundMedia?.(plainMedia) ?? plainMedia;
  stops.push(async () => await media.close());

  const through = options.through ?? ((_peer: string, url: string) => Promise.resolve(url));
  // All that the gateway writes is below the stack's directory.
  const [dataDir, temporary] = [join(directory, 'gateway'), join(directory, 'tmp')];
  await mkdir(temporary);
  const password = randomBytes(18).toString('base64url');
  const [httpPort, telephonyPort] = [await freePort(), await freePort()];
  const environment: Record<string, string> = {
    NODE_ENV: 'test',
    INSTANCE_ID: 'stack',
    TMPDIR: temporary,
    DATA_DIR: dataDir,
    DATABASE_URL: await through('database', postgres.url),
    HTTP_PORT: String(httpPort),
    TELEPHONY_PORT: String(telephonyPort),
    TLS_CERT_FILE: pki.server.certificate,
    TLS_KEY_FILE: pki.server.key,
    JAMBONZ_USERNAME: 'jambonz',
    JAMBONZ_PASSWORD: password,
    BRIDGE: options.bridge,
    ...(rtpengine && {
      RTPENGINE_URL: `udp://${rtpengine.ngUdp.host}:${rtpengine.ngUdp.port}`,
      FREESWITCH_MEDIA_ADDRESSES: media.freeswitchAddress,
    }),
    ROUTES: JSON.stringify(routes(lines, options.recording)),
    PROVIDER_URL: await through('provider', provider.url),
    PROVIDER_CA_FILE: pki.ca.certificate,
    PROVIDER_CLIENT_CERT_FILE: pki.client.certificate,
    PROVIDER_CLIENT_KEY_FILE: pki.client.key,
    PROVIDER_PIN_KEY: PIN_KEY,
    NUMBERS_KEY: randomBytes(32).toString('hex'),
    RATE_LIMIT_ADDRESS: '0',
    RATE_LIMIT_CLIENT: '0',
    RATE_LIMIT_ACCOUNT: '0',
    TOKEN_ISSUER: ISSUER,
    TOKEN_AUDIENCE: AUDIENCE,
    TOKEN_SIGNING_KEY_FILE: pki.tokenSigningKey,
    AUDIT_SIGNING_KEY_FILE: pki.auditSigningKey,
    AUDIT_EXPORT_CERT_FILE: pki.audit.certificate,
    AUDIT_EXPORT_KEY_FILE: pki.audit.key,
    ...options.environment,
  };
  progress('gateway');
  let gateway = await startGateway(environment);
  stops.push(async () => await gateway.stop());
  const token = tokenMaker(await readFile(pki.tokenSigningKey, 'utf8'));
  const apiUrl = `https://127.0.0.1:${httpPort}`;
  const api = new ApiClient({
    baseUrl: apiUrl,
    ca: caCertificate,
    token: await token(),
    ...(options.onAnswer && { onAnswer: options.onAnswer }),
  });
  stops.push(async () => api.close());

  progress('simulated telephone system');
  const simulator = startJambonzSimulator({
    applicationUrl: `wss://127.0.0.1:${telephonyPort}/jambonz`,
    username: 'jambonz',
    password,
    ca: caCertificate,
    media,
    callerControls: options.callerControls ?? 'none',
  });
  stops.push(async () => await simulator.close());

  return {
    directory,
    databaseUrl: postgres.url,
    async restartDatabase() {
      if (disposable) throw new Error('what was committed could be lost: the database is not durable');
      const { port } = new URL(postgres.url);
      await postgres.kill();
      postgres = await startEmbeddedPostgres({ dataDir: databaseDir, port: Number(port) });
    },
    environment,
    pki,
    caCertificate,
    apiUrl,
    api,
    provider,
    rtpengine,
    media,
    simulator,
    lines,
    gateway: () => gateway,
    token,
    async call(callOptions = {}) {
      const line = lines[callOptions.line ?? 0];
      if (line === undefined) throw new Error('the stack has no such line');
      const call = simulator.placeCall({
        from: `+1555111${String(2000 + (callOptions.line ?? 0))}`,
        to: line.number,
        caller: { number: `+1555111${String(2000 + (callOptions.line ?? 0))}`, ...callOptions.caller },
        agent: { number: line.agentNumber, ...callOptions.agent },
      });
      if (callOptions.unanswered !== true) await call.whenConnected;
      return call;
    },
    async restartGateway() {
      gateway = await startGateway(environment);
    },
    close: async () => await stopAll(stops),
  };
}

function routes(lines: readonly Line[], recording: StackOptions['recording']): Record<string, unknown> {
  return Object.fromEntries(
    lines.map(({ number, agentId, agentNumber }) => [
      number,
      {
        account: ACCOUNT,
        agent: agentId,
        target: { type: 'phone', number: agentNumber, trunk: 'agents' },
        ...(recording && { recording }),
      },
    ]),
  );
}

function tokenMaker(signingKeyPem: string): Stack['token'] {
  const keys = createKeyRing(readSigningKey(signingKeyPem));
  return async (scopes = SCOPES, accountId = ACCOUNT) =>
    await issueToken(
      { issuer: ISSUER, audience: AUDIENCE, keys },
      { accountId, subject: 'integrator', clientId: 'stack', roles: ROLES, scopes, lifetimeSeconds: 3600 },
      systemClock,
    );
}
