import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../kernel/logger.ts';
import { PROBLEM_TYPE, toProblem, type Problem } from './problem.ts';

export type ProblemSender = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** Answers an error with its problem document; a fault of ours is logged with its cause, which the client never sees. */
export function problemSender(logger: Logger): ProblemSender {
  return (error, request, reply) => {
    const problem = toProblem(error, request.id);
    if (problem.status >= 500) {
      logger.error('request failed', { requestId: request.id, code: problem.code, error });
    }
    const challenge = challengeOf(problem);
    if (challenge !== undefined) reply.header('www-authenticate', challenge);
    void reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
  };
}

/** RFC 6750 section 3. */
function challengeOf({ status, code }: Problem): string | undefined {
  if (code === 'scope_missing') return 'Bearer error="insufficient_scope"';
  if (['token_invalid', 'grant_ended', 'client_disabled'].includes(code))
    return 'Bearer error="invalid_token"';
  return status === 401 ? 'Bearer' : undefined;
}
