import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { sendJson, sendProblem } from './exchange.ts';
import type { Fault, FaultQueue, FaultTarget } from './faults.ts';
import type { SandboxModification } from './ledger.ts';
import { MODIFICATIONS } from './modification-request.ts';
import type { Answer, PaymentsApi } from './payments-api.ts';
import { Problem } from './problem.ts';

const MODIFICATION_PATH = /^\/v1\/payments\/([^/]+)\/([a-z]+)$/;
const LOOKUP_PATH = '/v1/payments/by-idempotency-key/';
const TOO_LONG_BYTES = 1024 * 1024;

/** A request that was read to its end, whatever became of it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly target: FaultTarget;
}

export interface ApiListenerOptions {
  readonly api: PaymentsApi;
  readonly faults: FaultQueue;
  readonly seen: SeenRequest[];
  /** Ends every delay when the server closes. */
  readonly closing: AbortSignal;
}

type Work = (inFlight: () => Promise<void>) => Promise<Answer>;

/** The provider's API over HTTP, with the faults that an administrator asked for. */
export function createApiListener({ api, faults, seen, closing }: ApiListenerOptions): RequestListener {
  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Mutual TLS: whoever shows no certificate of the right authority is told so, and nothing else.
    if (!(request.socket as TLSSocket).authorized) {
      throw new Problem(401, 'client_certificate_unknown', 'the client certificate is missing or unknown');
    }
    const path = new URL(request.url ?? '/', 'https://provider.invalid').pathname;
    const operation = operationAt(api, request, path);
    const { target } = operation;
    const fault = faults.take(target);
    const work = await operation.read();
    seen.push({ method: request.method ?? '', path, target });
    await answer(request, response, fault, work);
  };

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
    work: Work,
  ): Promise<void> => {
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'drop') {
      request.socket.destroy();
      return;
    }
    refuseBeforeProcessing(fault);
    const wait = async (): Promise<void> => {
      if (fault?.delayMs !== undefined) await pause(fault.delayMs, undefined, { signal: closing });
    };
    if (fault?.kind === 'late') await wait();
    const processed = work(fault?.kind === 'late' ? async () => undefined : wait);
    if (fault === undefined || fault.kind === 'delay' || fault.kind === 'late') {
      const { body, headers } = await processed;
      sendJson(response, 200, body, headers);
      return;
    }
    const [settled] = await Promise.allSettled([processed]); // a refusal is lost just as well
    spoil(response, fault, settled.status === 'fulfilled' ? settled.value : { body: {} });
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

/** What is asked for. `read` takes the whole request. Throws a `Problem` with 404. */
function operationAt(
  api: PaymentsApi,
  request: IncomingMessage,
  path: string,
): { readonly target: FaultTarget; read(): Promise<Work> } {
  const telling = (tell: () => Answer): (() => Promise<Work>) => {
    return async () => async (inFlight) => {
      await inFlight();
      return tell();
    };
  };
  const { method } = request;
  const modified = modificationIn(path);
  if (method === 'POST' && path === '/v1/payments') {
    return {
      target: 'pay',
      async read() {
        const payment = await api.read(request);
        return (inFlight) => api.pay(payment, inFlight);
      },
    };
  }
  if (method === 'POST' && modified !== undefined) {
    return {
      target: 'modify',
      async read() {
        const change = await api.readModification(request, modified.modification, modified.chargeId);
        return (inFlight) => api.modify(change, inFlight);
      },
    };
  }
  if (method === 'GET' && path.startsWith(LOOKUP_PATH)) {
    const key = decodeURIComponent(path.slice(LOOKUP_PATH.length));
    return { target: 'lookup', read: telling(() => api.lookup(key)) };
  }
  if (method === 'GET' && path === '/v1/keys') {
    return { target: 'keys', read: telling(() => api.publicKeys()) };
  }
  if (method === 'GET' && path === '/v1/capabilities') {
    return { target: 'capabilities', read: telling(() => api.capabilities()) };
  }
  throw new Problem(404, 'not_found', 'there is no such resource');
}

function refuseBeforeProcessing(fault: Fault | undefined): void {
  if (fault?.kind === 'server_error')
    throw new Problem(fault.status ?? 500, 'internal', 'the request failed');
  if (fault?.kind === 'not_processed')
    throw new Problem(503, 'not_processed', 'the request was not processed');
  if (fault?.kind === 'rate_limited') throw new Problem(429, 'rate_limited', 'too many requests');
}

/** What becomes of the answer of a request that was processed. */
function spoil(response: ServerResponse, fault: Fault, { body }: Answer): void {
  switch (fault.kind) {
    case 'hang_after':
      return;
    case 'garbage':
      response.end('<html>it works</html>');
      return;
    case 'truncated': {
      const text = JSON.stringify(body);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
      response.write(text.slice(0, text.length / 2), () => response.destroy());
      return;
    }
    case 'too_long':
      sendJson(response, 200, { ...(body as object), padding: 'x'.repeat(TOO_LONG_BYTES) });
      return;
    case 'server_error_after':
      throw new Problem(fault.status ?? 500, 'internal', 'the request failed');
    case 'lose_answer':
      response.destroy();
      return;
    case 'hang':
    case 'drop':
    case 'server_error':
    case 'not_processed':
    case 'rate_limited': // struck before
    case 'late':
    case 'delay': // answered
  }
}

function modificationIn(
  path: string,
): { readonly chargeId: string; readonly modification: SandboxModification } | undefined {
  const [, chargeId = '', name = ''] = MODIFICATION_PATH.exec(path) ?? [];
  const modification = Object.hasOwn(MODIFICATIONS, name) ? MODIFICATIONS[name] : undefined;
  return modification && { chargeId: decodeURIComponent(chargeId), modification };
}
