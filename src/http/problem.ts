import type { ErrorKind } from '../kernel/errors.ts';
import { HushtoneError } from '../kernel/errors.ts';

/** RFC 9457 problem details, with a stable `code` and what is wrong where in an invalid request. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly request_id: string;
  readonly problems?: readonly { readonly pointer: string; readonly detail: string }[];
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

const STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  mismatch: 422,
  limited: 429,
  unavailable: 503,
  internal: 500,
};

const TITLE: Record<number, string> = {
  400: 'Invalid request',
  401: 'Not authenticated',
  403: 'Forbidden',
  404: 'Not found',
  408: 'Request timeout',
  409: 'Conflict',
  413: 'Content too large',
  415: 'Unsupported media type',
  422: 'Not the same request',
  429: 'Too many requests',
  431: 'Request header fields too large',
  500: 'Internal error',
  503: 'Unavailable',
};

/** What ajv reports of one mistake. */
interface ValidationMistake {
  readonly instancePath: string;
  readonly message?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

interface FastifyFault {
  readonly statusCode?: number;
  readonly code?: string;
  readonly validation?: readonly ValidationMistake[];
  readonly validationContext?: string;
}

function build(status: number, code: string, detail: string, requestId: string): Problem {
  return {
    type: `urn:hushtone:problem:${code}`,
    title: TITLE[status] ?? 'Error',
    status,
    code,
    detail,
    request_id: requestId,
  };
}

/** What a member of a request may be called. What else stands in a name's place is a value, or an attempt. */
const MEMBER_NAME = /^[A-Za-z_][\w.-]{0,39}$/;

/** Names the member that is missing or unknown, never its value: a value may be anything that a client sent. */
function describeMistake(mistake: ValidationMistake, context: string): { pointer: string; detail: string } {
  const extra = mistake.params?.['additionalProperty'] ?? mistake.params?.['missingProperty'];
  const isName = typeof extra === 'string' && MEMBER_NAME.test(extra) && !/\d{5,}/.test(extra);
  const named = isName ? ` (${extra})` : '';
  return {
    pointer: `/${context}${mistake.instancePath}`,
    detail: `${mistake.message ?? 'is not valid'}${named}`,
  };
}

/** The public face of an error. What is not one of ours, or is `internal`, shows nothing of its cause. */
export function toProblem(error: unknown, requestId: string): Problem {
  if (error instanceof HushtoneError) {
    if (error.kind === 'internal') return build(500, 'internal_error', 'The request failed.', requestId);
    return build(STATUS[error.kind], error.code, error.message, requestId);
  }
  const fault = (error ?? {}) as FastifyFault;
  if (fault.validation !== undefined) {
    const context = fault.validationContext ?? 'body';
    return {
      ...build(400, 'request_invalid', 'The request does not fit the contract.', requestId),
      problems: fault.validation.slice(0, 20).map((mistake) => describeMistake(mistake, context)),
    };
  }
  const status = fault.statusCode ?? 500;
  if (status === 413) return build(413, 'body_too_large', 'The request body is too large.', requestId);
  if (status === 415) return build(415, 'media_type_unsupported', 'Send application/json.', requestId);
  if (status >= 400 && status < 500)
    return build(400, 'request_invalid', 'The request cannot be read.', requestId);
  return build(500, 'internal_error', 'The request failed.', requestId);
}

/** For bytes that are no HTTP request: no operation was reached. */
export function unreadableProblem(code: string | undefined, requestId: string): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return build(408, 'request_timeout', 'The request did not arrive in time.', requestId);
  if (code === 'HPE_HEADER_OVERFLOW')
    return build(431, 'headers_too_large', 'The request headers are too large.', requestId);
  return build(400, 'request_invalid', 'The request cannot be read.', requestId);
}

/** For a path or method that the contract does not have. */
export function notFoundProblem(requestId: string): Problem {
  return build(404, 'route_not_found', 'There is no such resource.', requestId);
}
