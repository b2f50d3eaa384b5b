import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { announce, readPort, runMain } from '../doubles/own-main.ts';
import { createSandboxProviderServer } from './server.ts';

const USAGE = `sandbox payment provider
  --tls-cert FILE --tls-key FILE   its certificate and private key, PEM
  --client-ca FILE                 the CA of the certificates that clients must show, PEM
  --port N --admin-port N          on 127.0.0.1, default 0 (any free port)
  --absence-proven-after-ms N      what its look-up promises, default 30000
  --exit-with-parent               stop when standard input ends
environment (never arguments: other users can read those):
  SANDBOX_ADMIN_TOKEN              bearer token of the admin port, required
  SANDBOX_PIN_KEY                  AES key for PIN blocks, 32 or 64 hexadecimal digits, optional
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'client-ca': { type: 'string' },
      port: { type: 'string', default: '0' },
      'admin-port': { type: 'string', default: '0' },
      'absence-proven-after-ms': { type: 'string', default: '30000' },
      'exit-with-parent': { type: 'boolean', default: false },
    },
  });
  const adminToken = process.env['SANDBOX_ADMIN_TOKEN'];
  const pinKey = process.env['SANDBOX_PIN_KEY'];
  const [cert, key, clientCa] = [values['tls-cert'], values['tls-key'], values['client-ca']];
  if (cert === undefined || key === undefined || clientCa === undefined || !adminToken) {
    throw new Error(`an option is missing\n${USAGE}`);
  }
  const server = await createSandboxProviderServer({
    tls: {
      cert: await readFile(cert, 'utf8'),
      key: await readFile(key, 'utf8'),
      clientCa: await readFile(clientCa, 'utf8'),
    },
    adminToken,
    ...(pinKey !== undefined && { pinKey }),
    port: readPort(values.port),
    adminPort: readPort(values['admin-port']),
    absenceProvenAfterMs: readMilliseconds(values['absence-proven-after-ms']),
  });
  announce(server, { exitWithParent: values['exit-with-parent'] });
}

function readMilliseconds(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error('milliseconds must be a whole number');
  return Number(text);
}

await runMain(main);
