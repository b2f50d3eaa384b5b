import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

/** Below the ports that Linux hands out by itself (32768 and up), above what services use. */
const LOWEST = 12_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;

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

/**
 * A range of `size` UDP ports of which the first, the last and one between are free on every address. Two daemons
 * whose ranges meet still work: rtpengine passes over a port that is taken.
 */
export async function freePortRange(
  addresses: readonly string[],
  size: number,
): Promise<{ min: number; max: number }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const min = randomInt(LOWEST / size, HIGHEST / size - 1) * size;
    const max = min + size - 1;
    const probes = addresses.flatMap((address) =>
      [min, min + size / 2, max].map((port) => udpPortIsFree(address, port)),
    );
    if ((await Promise.all(probes)).every(Boolean)) return { min, max };
  }
  throw new Error('no free range of RTP ports');
}
