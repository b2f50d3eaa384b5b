import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ProviderDouble } from './contract.ts';
import { parseFaults } from './faults.ts';
import { isAdmin } from './loopback.ts';

const LONGEST_BODY_BYTES = 64 * 1024;

/**
 * What a test in another process may ask of a double. The ledger shows full card numbers: it listens on a loopback
 * address only and wants a bearer token.
 */
export function createAdminListener(
  token: string,
  double: Pick<ProviderDouble, 'ledger' | 'requests' | 'setFaults' | 'reset'>,
): RequestListener {
  const answer = async (request: IncomingMessage): Promise<{ status: number; body?: unknown }> => {
    if (!isAdmin(request, token)) return { status: 401 };
    switch (`${request.method} ${request.url}`) {
      case 'GET /admin/ledger':
        return { status: 200, body: await double.ledger() };
      case 'GET /admin/requests':
        return { status: 200, body: await double.requests() };
      case 'POST /admin/reset':
        await double.reset();
        return { status: 204 };
      case 'POST /admin/faults':
        await double.setFaults(parseFaults(await readJson(request)));
        return { status: 204 };
      default:
        return { status: 404 };
    }
  };

  return (request, response) => {
    answer(request).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => send(response, 400, { detail: error instanceof Error ? error.message : 'failed' }),
    );
  };
}

function send(response: ServerResponse, status: number, body?: unknown): void {
  // A request that was refused unread must not be taken for the next one.
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_BODY_BYTES) throw new TypeError('the body is longer than 64 KiB');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
