import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import type { FuzzRequest } from './requests.ts';
import type { FuzzWorld } from './world.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer that takes longer has no excuse: nothing here waits for anybody. */
const LONGEST_ANSWER_MS = 10_000;

function headersOf(world: FuzzWorld, { headers, token }: FuzzRequest): Record<string, string> {
  const authorization = world.authorizationOf(token);
  return { ...headers, ...(authorization !== undefined && { authorization }) };
}

/** Into the server without a socket. */
export async function inject(world: FuzzWorld, request: FuzzRequest): Promise<Answer> {
  const answer = await world.http.server.inject({
    method: request.method as 'GET',
    url: world.fill(request.url),
    headers: headersOf(world, request),
    remoteAddress: request.address,
    ...(request.body !== undefined && { payload: world.fill(request.body) }),
  });
  return {
    status: answer.statusCode,
    headers: Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])),
    body: answer.body,
  };
}

/** The bytes that stand for a request. What Node's own client would not send is sent. */
export function bytesOf(world: FuzzWorld, request: FuzzRequest): Buffer {
  const body = Buffer.from(world.fill(request.body ?? ''));
  const fields = { host: 'localhost', ...headersOf(world, request), 'content-length': String(body.length) };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const start = `${request.method} ${world.fill(request.url)} HTTP/1.1\r\n`;
  return Buffer.concat([Buffer.from(`${start}${head.join('')}\r\n`, 'latin1'), body]);
}

/** The first answer in what came, of a body that is whole; of a stream, its head is enough. */
function readAnswer(received: string, isHead: boolean): Answer | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [start = '', ...lines] = received.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const status = Number(start.split(' ')[1]);
  // RFC 9110 section 15.2: an interim answer, and the real one is still to come.
  if (status < 200) return readAnswer(received.slice(end + 4), isHead);
  const rest = received.slice(end + 4);
  const body = rest.slice(0, Number(headers['content-length'] ?? rest.length));
  const streams = (headers['content-type'] ?? '').startsWith('text/event-stream');
  const isChunked = headers['transfer-encoding'] === 'chunked';
  if (isChunked && !streams && !isHead && !rest.endsWith('0\r\n\r\n')) return undefined;
  if (!isHead && body.length < Number(headers['content-length'] ?? 0)) return undefined;
  return { status, headers, body: isHead ? '' : body };
}

/** Through a socket, byte for byte. Undefined when the server closes the connection without an answer. */
export async function sendRaw(
  world: FuzzWorld,
  bytes: Buffer,
  { isHead = false, halfClose = false } = {},
): Promise<Answer | undefined> {
  const { port } = world.http.server.server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let received = '';
  let answer: Answer | undefined;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    answer = readAnswer(received, isHead);
    if (answer !== undefined) socket.destroy();
  });
  // A server that has closed the connection takes no more of a request: what it answered counts.
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.destroy());
  const timer = setTimeout(() => socket.destroy(new Error('no answer')), LONGEST_ANSWER_MS);
  if (halfClose) socket.end(bytes);
  else socket.write(bytes);
  await once(socket, 'close').catch(() => undefined);
  clearTimeout(timer);
  if (answer === undefined && received !== '') throw new Error(`half an answer: ${received.slice(0, 500)}`);
  return answer === undefined
    ? undefined
    : { ...answer, body: Buffer.from(answer.body, 'latin1').toString() };
}
