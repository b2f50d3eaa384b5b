import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isAdmin } from '../doubles/loopback.ts';
import type { SeenRequest } from './api-listener.ts';
import type { EnvelopeKeys } from './envelope-keys.ts';
import { readJsonObject, requireMembers, sendJson, sendProblem } from './exchange.ts';
import { parseFaultRates, parseFaults, type FaultQueue } from './faults.ts';
import type { Ledger } from './ledger.ts';
import { Problem } from './problem.ts';

export interface AdminListenerOptions {
  readonly token: string;
  readonly keys: EnvelopeKeys;
  readonly ledger: Ledger;
  readonly faults: FaultQueue;
  readonly seen: SeenRequest[];
}

/**
 * What tests may ask of the sandbox. Its ledger shows full card numbers, which no real provider's would: it listens on
 * a loopback address only and wants a bearer token.
 */
export function createAdminListener({
  token,
  keys,
  ledger,
  faults,
  seen,
}: AdminListenerOptions): RequestListener {
  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isAdmin(request, token)) {
      throw new Problem(401, 'unauthorized', 'the admin token is missing or wrong');
    }
    switch (`${request.method} ${request.url}`) {
      case 'GET /admin/ledger':
        sendJson(response, 200, { entries: ledger.entries() });
        return;
      case 'GET /admin/modifications':
        sendJson(response, 200, { entries: ledger.modifications() });
        return;
      case 'GET /admin/requests':
        sendJson(response, 200, { requests: seen });
        return;
      case 'GET /admin/faults/struck':
        sendJson(response, 200, { struck: faults.struck() });
        return;
      case 'DELETE /admin/ledger':
        ledger.clear();
        seen.length = 0;
        break;
      case 'POST /admin/faults': {
        const body = await readJsonObject(request);
        requireMembers(body, ['faults'], []);
        faults.set(parseFaults(body['faults']));
        break;
      }
      case 'POST /admin/faults/rates':
        faults.setRates(parseFaultRates(await readJsonObject(request)));
        break;
      case 'POST /admin/keys/rotate':
        await keys.rotate();
        break;
      default:
        throw new Problem(404, 'not_found', 'there is no such resource');
    }
    response.writeHead(204).end();
  };

  return (request, response) => {
    route(request, response).catch((error: unknown) => {
      const problem = error instanceof Problem ? error : new Problem(500, 'internal', 'the request failed');
      sendProblem(response, problem, { connection: 'close' });
    });
  };
}
