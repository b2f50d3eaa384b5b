import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { createDevelopmentPki } from '../src/pki/development.ts';
import { ApiClient } from '../simulators/stack/api-client.ts';
import { KEY_SPACING_MS } from './instant-media.ts';

/** One silent listen frame, 20 ms: jambonz sends fifty a second beside the digits. */
const FRAME = Buffer.alloc(320);

/** The bare relay's latency under the same load: `calls` sockets with audio, `keys` digits on each. */
export async function measureRelay(calls: number, keys: number): Promise<number[]> {
  const pki = await createDevelopmentPki(fileURLToPath(new URL('../../certs/dev', import.meta.url)));
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./bare-relay.js', import.meta.url)), pki.server.certificate, pki.server.key],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const ca = await readFile(pki.ca.certificate, 'utf8');
  const client = new ApiClient({ baseUrl: `https://127.0.0.1:${port}`, ca, token: 'none' });
  const stream = await client.follow('/');
  const sockets = await Promise.all(
    Array.from({ length: calls }, async () => {
      const socket = new WebSocket(`wss://127.0.0.1:${port}/`, { ca });
      await once(socket, 'open');
      return socket;
    }),
  );
  const audio = setInterval(() => {
    for (const socket of sockets) socket.send(FRAME);
  }, 20);
  const pressedAt: number[] = [];
  try {
    for (let key = 0; key < keys; key += 1) {
      // One socket's digit at a time, as the gateway's figures are those of one stream each.
      pressedAt.push(performance.now());
      sockets[key % sockets.length]?.send('{"event":"dtmf","dtmf":"4","duration":"320"}');
      await new Promise((resolve) => setTimeout(resolve, KEY_SPACING_MS / calls));
    }
    await stream.until(({ id }) => id === keys);
    return stream.events.map(({ atMs, id }) => atMs - (pressedAt[id - 1] ?? atMs));
  } finally {
    clearInterval(audio);
    for (const socket of sockets) socket.terminate();
    stream.close();
    client.close();
    const exited = once(child, 'exit');
    child.stdin.end();
    await exited;
  }
}
