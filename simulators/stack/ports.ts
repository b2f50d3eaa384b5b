import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/**
 * A loopback TCP port that is free now. For a server that must come back on the same port after it was killed, so
 * that "any free port" will not do.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
