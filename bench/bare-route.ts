import { readFileSync } from 'node:fs';
import Fastify from 'fastify';

/**
 * The least that can answer a request, over the same TLS and from the same framework: what the gateway's throughput is
 * held against. Arguments: certificate, key. Prints its port.
 */
const [certificate = '', key = ''] = process.argv.slice(2);

const server = Fastify({ https: { cert: readFileSync(certificate), key: readFileSync(key) } });
server.get('/', async () => ({ status: 'ok' }));
server.post('/', async (_request, reply) => await reply.code(201).send({ status: 'ok' }));
const address = await server.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${new URL(address).port}\n`);
process.stdin.resume().once('end', () => process.exit(0));
