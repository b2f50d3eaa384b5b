import { Ajv } from 'ajv';
import { CONTRACT } from '../http.ts';
import { CARD_NUMBER, MARKER } from './hostile.ts';
import { OPERATIONS, resolve, type Operation } from './operations.ts';
import type { Answer } from './send.ts';

/** No problem needs more words than this. */
const LONGEST_PROBLEM = 8 * 1024;
/** No refusal repeats more than this of what was sent, whatever it was. */
const LONGEST_ECHO = 40;

/** What the inside of a program looks like: stacks, paths, SQL and the words of PostgreSQL. */
const INSIDES: readonly RegExp[] = [
  /\n\s+at /,
  /\bat \S+ \(/,
  /node_modules|node:internal|file:\/\//,
  /\.(?:ts|js|mjs):\d+/,
  /\/(?:src|dist|work|home|usr|tmp)\//,
  /\b(?:select|insert into|update|delete from)\b.+\b(?:from|values|set|where)\b/i,
  /syntax error|violates|duplicate key|relation "|column "|invalid input|invalid byte/i,
  /\bpg_|hushtone_(?:server|system)|SQLSTATE/,
  /\b(?:TypeError|RangeError|SyntaxError|ReferenceError|Cannot read|is not a function|undefined)\b/,
  /\bE(?:CONN|PIPE|NOENT|ACCES)[A-Z]*\b/,
];

const isProblem = new Ajv({ strict: false, validateFormats: false }).compile(
  resolve({ $ref: '#/components/schemas/Problem' }),
);

/** Operations whose refusals have the form of another contract: RFC 6749, and that of generic pay connectors. */
const OF_OTHER_CONTRACTS: readonly string[] = ['createToken', 'takeConnectorPayment'];
const hasOwnForm = (operation: Operation | undefined): boolean =>
  operation !== undefined && OF_OTHER_CONTRACTS.includes(operation.id);

/** Is the answer a problem document, or an error of the form that the operation has instead, and declared for it? */
function formFaults(answer: Answer, operation: Operation | undefined): string[] {
  const type = answer.headers['content-type'] ?? 'none';
  const expected = hasOwnForm(operation) ? 'application/json' : 'application/problem+json';
  const faults = type.startsWith(`${expected};`) ? [] : [`content type ${type}`];
  if (answer.body === '') return faults;
  let body: unknown;
  try {
    body = JSON.parse(answer.body);
  } catch {
    return [...faults, 'a refusal that is not JSON'];
  }
  try {
    if (operation !== undefined) CONTRACT.checkResponse(operation.id, answer.status, body);
  } catch (error) {
    faults.push((error as Error).message);
  }
  if (operation === undefined && !isProblem(body)) faults.push('no problem document');
  const told = (body as { status?: number }).status;
  if (!hasOwnForm(operation) && told !== answer.status) faults.push(`status ${told} in the body`);
  return faults;
}

function echoes(told: string, sent: string): boolean {
  for (let at = 0; at + LONGEST_ECHO < told.length; at += 1) {
    if (sent.includes(told.slice(at, at + LONGEST_ECHO + 1))) return true;
  }
  return false;
}

/** The words of a refusal, without the names that we gave ourselves. */
const wordsOf = (body: string): string => body.replaceAll(/req_[0-9a-z]{26}/g, '');

function contentFaults({ body, headers }: Answer, sent: string): string[] {
  const told = `${wordsOf(body)}\n${Object.values(headers).join('\n')}`;
  return [
    ...(body.length > LONGEST_PROBLEM ? [`a refusal of ${body.length} characters`] : []),
    ...INSIDES.filter((inside) => inside.test(wordsOf(body))).map(
      (inside) => `inside shown: ${inside.source}`,
    ),
    ...(echoes(told, sent) ? ['what was sent comes back'] : []),
    ...(told.includes(CARD_NUMBER) ? ['a card number comes back'] : []),
  ];
}

/** What is wrong with an answer; nothing when all is well. `operation`: the one whose route took the request. */
export function faultsOf(answer: Answer, operation: Operation | undefined, sent: string): string[] {
  const { status } = answer;
  if (status >= 500) return [`status ${status}`];
  if (status >= 400) return [...formFaults(answer, operation), ...contentFaults(answer, sent)];
  return operation === undefined || operation.statuses.has(status)
    ? []
    : [`status ${status} is not declared`];
}

/** What a log line must not hold, whoever sent it. */
export function logFaults(line: string): string[] {
  return [MARKER, CARD_NUMBER]
    .filter((secret) => line.includes(secret))
    .map((secret) => `${secret} is logged`);
}

const ROUTES = OPERATIONS.map((operation) => ({
  operation,
  route: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
}));

/** The operation that a request log names. */
export function operationAt(route: string, method: string): Operation | undefined {
  const of = (wanted: string): Operation | undefined =>
    ROUTES.find((entry) => entry.route === route && entry.operation.method === wanted)?.operation;
  // HEAD is answered by every GET.
  return of(method) ?? (method === 'HEAD' ? of('GET') : undefined);
}
