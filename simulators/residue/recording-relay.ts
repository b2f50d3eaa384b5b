import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Passes TCP connections on and keeps all that goes over them, as someone on the network would. */
export interface RecordingRelay {
  /** Where to connect instead, on the loopback address. */
  readonly port: number;
  /** The same address with the relay's host and port. */
  readonly url: string;
  /** Of every connection so far what was sent and what was answered. */
  recorded(): Buffer[];
  close(): Promise<void>;
}

/** `url` names what is relayed to, with a host and a port. TLS passes as it is: its bytes are kept, not opened. */
export async function startRecordingRelay(url: string): Promise<RecordingRelay> {
  const target = new URL(url);
  const recordings: Buffer[][] = [];
  const sockets = new Set<Socket>();
  // Each side may go on sending after the other has ended.
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      const recording: Buffer[] = [];
      recordings.push(recording);
      sockets.add(from);
      from.on('data', (chunk) => recording.push(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroySoon();
      });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const relayed = new URL(url);
  relayed.hostname = '127.0.0.1';
  relayed.port = String(port);
  return {
    port,
    url: url.endsWith('/') ? relayed.href : relayed.href.replace(/\/$/, ''),
    recorded: () => recordings.map((recording) => Buffer.concat(recording)),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
