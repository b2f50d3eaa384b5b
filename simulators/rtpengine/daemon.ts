import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { freeControlPort, reservePortRange } from './ports.ts';

const RTPENGINE = '/usr/bin/rtpengine';
/** util-linux; ends the daemon together with the process that started it, even if that one is killed. */
const SETPRIV = '/usr/bin/setpriv';

const READY_WITHIN_MS = 10_000;
const READY_POLL_MS = 25;
const STOP_WITHIN_MS = 3_000;
const STOP_POLL_MS = 1;
const RTP_PORTS = 400;
const START_ATTEMPTS = 3;
/** The last output that is kept for an error message. */
const KEPT_OUTPUT_CHARACTERS = 4_000;

export interface RtpengineOptions {
  /** Where ng listens. Default 127.0.0.1. */
  readonly ngHost?: string;
  /** Where FreeSWITCH's media goes to (interface `internal`). Default 127.0.2.20. */
  readonly internalAddress?: string;
  /** Where the phones' media goes to (interface `external`). Default 127.0.1.20. */
  readonly externalAddress?: string;
  /** 4 (warnings) by default. Never 7: it logs every telephone-event. */
  readonly logLevel?: 4 | 5 | 6;
  /** Every digit as a notification on every TCP ng connection. */
  readonly dtmfNotifications?: boolean;
  /** How long a deleted call is kept, seconds. Default: rtpengine's 30. */
  readonly deleteDelaySeconds?: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A real rtpengine of our own on loopback. */
export interface RtpengineDaemon {
  readonly ngUdp: Address;
  readonly ngTcp: Address;
  readonly internalAddress: string;
  readonly externalAddress: string;
  /** Of the running daemon; undefined when it is stopped or was killed. */
  readonly pid: number | undefined;
  /** Ends it in good order. Idempotent. */
  stop(): Promise<void>;
  /** A crash: no good-bye, every call forgotten. Its ports stay its own, for `restart`. */
  kill(): Promise<void>;
  /** Ends it as `kill` does when it runs, and starts it again on the same ports. */
  restart(): Promise<void>;
  /** It hears nothing and says nothing, as behind a broken network. Media stands still too. Resolves when it does. */
  pause(): Promise<void>;
  resume(): void;
}

/** Whether the Debian package `rtpengine-daemon` is there. */
export function rtpengineInstalled(): boolean {
  return existsSync(RTPENGINE);
}

/** As `rtpengine --version` prints it, e.g. `10.5.3.5-1+deb12u1`. */
export function rtpengineVersion(): string | undefined {
  if (!rtpengineInstalled()) return undefined;
  const { stdout, stderr } = spawnSync(RTPENGINE, ['--version'], { encoding: 'utf8' });
  return /Version:\s*(?<version>\S+)/.exec(`${stdout}${stderr}`)?.groups?.['version'];
}

/** Starts rtpengine in userspace on free ports and resolves when it answers. Several may run at once. */
export async function startRtpengine(options: RtpengineOptions = {}): Promise<RtpengineDaemon> {
  if (!rtpengineInstalled()) {
    throw new Error(`${RTPENGINE} is not there: install the Debian package rtpengine-daemon`);
  }
  const { ngHost = '127.0.0.1', internalAddress = '127.0.2.20', externalAddress = '127.0.1.20' } = options;

  for (let attempt = 1; ; attempt += 1) {
    const udpPort = await freeControlPort(ngHost);
    const tcpPort = await freeControlPort(ngHost);
    const range = await reservePortRange([internalAddress, externalAddress], RTP_PORTS);
    const parameters = [
      '--config-file=none',
      '--table=-1',
      '--foreground',
      '--log-stderr',
      `--log-level=${options.logLevel ?? 4}`,
      '--num-threads=2',
      '--media-num-threads=1',
      `--interface=internal/${internalAddress}`,
      `--interface=external/${externalAddress}`,
      `--listen-ng=${ngHost}:${udpPort}`,
      `--listen-tcp-ng=${ngHost}:${tcpPort}`,
      `--port-min=${range.min}`,
      `--port-max=${range.max}`,
      ...(options.dtmfNotifications === true ? ['--dtmf-log-ng-tcp'] : []),
      ...(options.deleteDelaySeconds === undefined ? [] : [`--delete-delay=${options.deleteDelaySeconds}`]),
    ];
    const ngUdp = { host: ngHost, port: udpPort };
    try {
      let running = await launch(parameters, ngUdp);
      return {
        ngUdp,
        ngTcp: { host: ngHost, port: tcpPort },
        internalAddress,
        externalAddress,
        get pid() {
          return running.exitCode === null && running.signalCode === null ? running.pid : undefined;
        },
        async stop() {
          await end(running, 'SIGTERM');
          range.release();
        },
        kill: () => end(running, 'SIGKILL'),
        async restart() {
          await end(running, 'SIGKILL');
          running = await launch(parameters, ngUdp);
        },
        pause: () => stopAllThreads(running),
        resume: () => void running.kill('SIGCONT'),
      };
    } catch (error) {
      range.release();
      // Another process may have taken a port between the look and the start.
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function launch(parameters: readonly string[], ng: Address): Promise<ChildProcess> {
  const [program, ...first] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', RTPENGINE] : [RTPENGINE];
  const child = spawn(program ?? RTPENGINE, [...first, ...parameters], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // GLib must not write its messages elsewhere.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
  });
  let output = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    output = (output + text).slice(-KEPT_OUTPUT_CHARACTERS);
  });
  const killOnExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killOnExit);
  child.once('exit', () => process.off('exit', killOnExit));

  const exited = once(child, 'exit').then(() => 'exited' as const);
  const giveUp = new AbortController();
  const answered = answers(ng, giveUp.signal);
  const outcome = await Promise.race([exited, answered]).catch((error: unknown) => error);
  giveUp.abort();
  if (outcome === 'answered') return child;
  await answered.catch(() => undefined);
  await end(child, 'SIGKILL');
  const why = outcome === 'exited' ? 'ended at once' : `did not answer within ${READY_WITHIN_MS} ms`;
  throw new Error(`rtpengine ${why}: ${output.trim() || 'no output'}`);
}

/** Resolves when the daemon answers a ping. */
async function answers(ng: Address, signal: AbortSignal): Promise<'answered'> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  let pong = false;
  socket.on('message', (message) => {
    pong ||= message.includes('4:pong');
  });
  try {
    for (let waitedMs = 0; waitedMs < READY_WITHIN_MS; waitedMs += READY_POLL_MS) {
      socket.send(`${randomBytes(8).toString('hex')} d7:command4:pinge`, ng.port, ng.host);
      await delay(READY_POLL_MS, undefined, { signal });
      if (pong) return 'answered';
    }
  } finally {
    socket.close();
  }
  throw new Error('no answer');
}

async function stopAllThreads(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP');
  for (let waitedMs = 0; waitedMs < STOP_WITHIN_MS; waitedMs += STOP_POLL_MS) {
    const tasks = `/proc/${child.pid}/task`;
    const threads = await readdir(tasks);
    const states = await Promise.all(threads.map((thread) => readFile(`${tasks}/${thread}/stat`, 'utf8')));
    // proc(5): the state follows the name, which is in brackets; T is stopped.
    if (states.every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'))) return;
    await delay(STOP_POLL_MS);
  }
  throw new Error(`rtpengine was not paused in ${STOP_WITHIN_MS} ms`);
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  // A paused process takes SIGTERM only when it goes on.
  child.kill('SIGCONT');
  const late = new AbortController();
  const deadline = delay(STOP_WITHIN_MS, undefined, { signal: late.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  await exited;
  late.abort();
  await deadline;
}
