import type { Socket } from 'node:net';
import { newId } from '../kernel/ids.ts';
import { PROBLEM_TYPE, unreadableProblem } from './problem.ts';

/** Bytes that Node's parser refuses: there is no request, hence no reply to send the problem with. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const problem = unreadableProblem(error.code, newId('req'));
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy(error);
}
