import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { randomInt } from 'node:crypto';

/** Below the ports that Linux hands out by itself (32768 and up), above what services use. */
const LOWEST = 12_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;
/** A loopback address at which nothing else listens. */
const LOCKS = '127.0.0.99';

async function udpPortIsFree(address: string, port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind({ port, address, exclusive: true });
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

async function tcpPortIsFree(address: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: address, exclusive: true });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** A port that is free for TCP and UDP now. */
export async function freeControlPort(address: string): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if ((await udpPortIsFree(address, port)) && (await tcpPortIsFree(address, port))) return port;
  }
  throw new Error(`no free control port on ${address}`);
}

/** Ports that no other daemon gets while they are held. */
export interface PortRange {
  readonly min: number;
  readonly max: number;
  release(): void;
}

/**
 * A range of `size` UDP ports that no other daemon on this machine has, of any process, until it is released or this
 * process ends. rtpengine opens its sockets with SO_REUSEADDR: two daemons with the same range would take the same
 * ports, without an error, and each the other's callers. Of the range the first, the last and one between are free of
 * anything else, on every address.
 */
export async function reservePortRange(addresses: readonly string[], size: number): Promise<PortRange> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const min = randomInt(LOWEST / size, HIGHEST / size - 1) * size;
    const max = min + size - 1;
    const guard = await holdTcpPort(min);
    if (guard === undefined) continue;
    const probes = addresses.flatMap((address) =>
      [min, min + size / 2, max].map((port) => udpPortIsFree(address, port)),
    );
    if ((await Promise.all(probes)).every(Boolean)) return { min, max, release: () => void guard.close() };
    guard.close();
  }
  throw new Error('no free range of RTP ports');
}

/** The range's own lock: nobody else can listen there, and the system gives it up with the process. */
async function holdTcpPort(port: number): Promise<Server | undefined> {
  const server = createServer();
  try {
    server.listen({ port, host: LOCKS, exclusive: true });
    await once(server, 'listening');
    return server.unref();
  } catch {
    server.close();
    return undefined;
  }
}
