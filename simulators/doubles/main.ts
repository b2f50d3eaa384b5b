import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { announce, readPort, runMain } from './own-main.ts';
import type { DoubleServer, DoubleServerOptions } from './server.ts';
import { startStripeDouble } from './stripe/double.ts';

const USAGE = `a double of a payment provider
  --provider stripe
  --ca FILE --tls-cert FILE --tls-key FILE   who signs, its certificate and private key, PEM
  --port N                                   on 127.0.0.1, default 0 (any free port)
  --exit-with-parent                         stop when standard input ends
environment (never arguments: other users can read those):
  DOUBLE_ADMIN_TOKEN                         bearer token of the admin port, required
  DOUBLE_SECRET                              what clients authenticate with, required
`;

/** The doubles that need no more than one secret. */
const STARTS: Readonly<
  Record<string, (options: DoubleServerOptions, secret: string) => Promise<DoubleServer>>
> = {
  stripe: (options, secretKey) => startStripeDouble({ ...options, secretKey }),
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      provider: { type: 'string', default: '' },
      ca: { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      port: { type: 'string', default: '0' },
      'exit-with-parent': { type: 'boolean', default: false },
    },
  });
  const { DOUBLE_ADMIN_TOKEN: adminToken, DOUBLE_SECRET: secret } = process.env;
  const { ca, 'tls-cert': cert, 'tls-key': key } = values;
  const start = Object.hasOwn(STARTS, values.provider) ? STARTS[values.provider] : undefined;
  if (ca === undefined || cert === undefined || key === undefined || !adminToken || !secret || !start) {
    throw new Error(`an option is missing or unknown\n${USAGE}`);
  }
  const [caText, certText, keyText] = await Promise.all(
    [ca, cert, key].map((path) => readFile(path, 'utf8')),
  );
  const tls = { ca: caText ?? '', cert: certText ?? '', key: keyText ?? '' };
  const double = await start({ tls, port: readPort(values.port), adminToken }, secret);
  announce(double, { exitWithParent: values['exit-with-parent'] });
}

await runMain(main);
