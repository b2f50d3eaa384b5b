import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/**
 * The least that can carry a digit from a websocket to a server-sent event, over the same TLS: what the gateway's
 * latency is held against. Arguments: certificate, key. Prints its port.
 */
const [certificate = '', key = ''] = process.argv.slice(2);
const followers = new Set<ServerResponse>();
let sequence = 0;

const server = createServer(
  { cert: readFileSync(certificate), key: readFileSync(key) },
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    followers.add(response);
    response.once('close', () => followers.delete(response));
  },
);
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (_data, isBinary) => {
    if (isBinary) return;
    sequence += 1;
    const data = JSON.stringify({ sequence });
    for (const response of followers) response.write(`id: ${sequence}\nevent: digit\ndata: ${data}\n\n`);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().once('end', () => process.exit(0));
