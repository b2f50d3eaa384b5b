import type { IncomingMessage, ServerResponse } from 'node:http';
import { Problem } from './problem.ts';

/** A request of a payment with its envelope needs less than 4 KiB. */
const LONGEST_BODY_BYTES = 64 * 1024;

/** Reads a JSON object. Throws a `Problem` with 413, 415 or 400. */
export async function readJsonObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new Problem(415, 'unsupported_media_type', 'the body must be application/json');
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_BODY_BYTES)
      throw new Problem(413, 'body_too_long', 'the body is longer than 64 KiB');
    chunks.push(chunk);
  }
  return parseJsonObject(Buffer.concat(chunks).toString('utf8'), 'the body');
}

/** Throws a `Problem` with 400 when the text is not a JSON object. */
export function parseJsonObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem(400, 'malformed_json', `${what} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Problem(400, 'malformed_json', `${what} is not a JSON object`);
  }
  return value as Record<string, unknown>;
}

/** Throws a `Problem` with 400 when a member is there that is not known, or a required one is not. */
export function requireMembers(
  object: Record<string, unknown>,
  required: readonly string[],
  optional: readonly string[],
): void {
  for (const name of required) {
    if (!Object.hasOwn(object, name)) throw new Problem(400, 'missing_member', `${name} is missing`);
  }
  for (const name of Object.keys(object)) {
    if (!required.includes(name) && !optional.includes(name)) {
      throw new Problem(400, 'unknown_member', 'the request has a member that is not known');
    }
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(text);
}

export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  headers: Record<string, string> = {},
): void {
  sendJson(
    response,
    problem.status,
    { type: 'about:blank', status: problem.status, code: problem.code, detail: problem.message },
    { 'content-type': 'application/problem+json', ...headers },
  );
}
