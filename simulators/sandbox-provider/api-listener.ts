import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { sendJson, sendProblem } from './exchange.ts';
import type { Fault, FaultQueue } from './faults.ts';
import type { SandboxModification } from './ledger.ts';
import type { Answer, PaymentsApi } from './payments-api.ts';
import { MODIFICATIONS } from './modification-request.ts';
import { Problem } from './problem.ts';

const MODIFICATION_PATH = /^\/v1\/payments\/([^/]+)\/([a-z]+)$/;
const LOOKUP_PATH = '/v1/payments/by-idempotency-key/';

export interface ApiListenerOptions {
  readonly api: PaymentsApi;
  readonly faults: FaultQueue;
  /** Ends every delay when the server closes. */
  readonly closing: AbortSignal;
}

/** The provider's API over HTTP, with the faults that an administrator asked for. */
export function createApiListener({ api, faults, closing }: ApiListenerOptions): RequestListener {
  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? '/', 'https://provider.invalid').pathname;
    const modified = modificationIn(path);
    if (request.method === 'POST' && path === '/v1/payments') {
      const fault = faults.take('pay');
      const payment = await api.read(request);
      await answer(request, response, fault, (inFlight) => api.pay(payment, inFlight));
    } else if (request.method === 'POST' && modified !== undefined) {
      const fault = faults.take('modify');
      const change = await api.readModification(request, modified.modification, modified.chargeId);
      await answer(request, response, fault, (inFlight) => api.modify(change, inFlight));
    } else if (request.method === 'GET' && path.startsWith(LOOKUP_PATH)) {
      const idempotencyKey = decodeURIComponent(path.slice(LOOKUP_PATH.length));
      await answer(request, response, faults.take('lookup'), async (inFlight) => {
        await inFlight();
        return api.lookup(idempotencyKey);
      });
    } else if (request.method === 'GET' && path === '/v1/keys') {
      await answer(request, response, faults.take('keys'), async (inFlight) => {
        await inFlight();
        return api.publicKeys();
      });
    } else if (request.method === 'GET' && path === '/v1/capabilities') {
      await answer(request, response, faults.take('capabilities'), async (inFlight) => {
        await inFlight();
        return api.capabilities();
      });
    } else {
      throw new Problem(404, 'not_found', 'there is no such resource');
    }
  };

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
    process: (inFlight: () => Promise<void>) => Promise<Answer>,
  ): Promise<void> => {
    if (fault?.kind === 'hang') return;
    refuseBeforeProcessing(fault);
    const delayMs = fault?.delayMs;
    const processed = process(async () => {
      if (delayMs !== undefined) await pause(delayMs, undefined, { signal: closing });
    });
    if (fault?.kind === 'lose_answer' || fault?.kind === 'garbage') {
      await Promise.allSettled([processed]); // a refusal is lost just as well
      if (fault.kind === 'lose_answer') request.socket.destroy();
      else response.end('<html>it works</html>');
      return;
    }
    const { body, headers } = await processed;
    sendJson(response, 200, body, headers);
  };

  return (request, response) => {
    route(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      const problem = error instanceof Problem ? error : new Problem(500, 'internal', 'the request failed');
      // The rest of a body that was refused unread must not be taken for the next request.
      sendProblem(response, problem, request.complete ? {} : { connection: 'close' });
    });
  };
}

function refuseBeforeProcessing(fault: Fault | undefined): void {
  if (fault?.kind === 'server_error') throw new Problem(500, 'internal', 'the request failed');
  if (fault?.kind === 'not_processed')
    throw new Problem(503, 'not_processed', 'the request was not processed');
  if (fault?.kind === 'rate_limited') throw new Problem(429, 'rate_limited', 'too many requests');
}

function modificationIn(
  path: string,
): { readonly chargeId: string; readonly modification: SandboxModification } | undefined {
  const [, chargeId = '', name = ''] = MODIFICATION_PATH.exec(path) ?? [];
  const modification = Object.hasOwn(MODIFICATIONS, name) ? MODIFICATIONS[name] : undefined;
  return modification && { chargeId: decodeURIComponent(chargeId), modification };
}
