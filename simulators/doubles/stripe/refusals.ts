import { Refusal, type DoubleAnswer, type Refusals } from '../route.ts';

/** https://docs.stripe.com/api/errors */
export interface StripeError {
  readonly type:
    'card_error' | 'invalid_request_error' | 'idempotency_error' | 'api_error' | 'rate_limit_error';
  readonly message: string;
  readonly code?: string;
  readonly decline_code?: string;
  readonly param?: string;
  readonly payment_intent?: unknown;
  readonly setup_intent?: unknown;
}

export function errorAnswer(status: number, error: StripeError): DoubleAnswer {
  return { status, body: { error } };
}

export function invalid(message: string, details: Partial<StripeError> = {}, status = 400): Refusal {
  return new Refusal(errorAnswer(status, { type: 'invalid_request_error', message, ...details }));
}

export const REFUSALS: Refusals = {
  notFound: ({ method, path }) =>
    errorAnswer(404, {
      type: 'invalid_request_error',
      message: `Unrecognized request URL (${method}: ${path}).`,
    }),
  rateLimited: () =>
    errorAnswer(429, {
      type: 'rate_limit_error',
      code: 'rate_limit',
      message: 'Request rate limit exceeded.',
    }),
  serverError: (status) => errorAnswer(status, { type: 'api_error', message: 'An unknown error occurred.' }),
  keyInFlight: () =>
    errorAnswer(409, {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message: 'There is another request in progress with this idempotency key.',
    }),
  keyReused: () =>
    errorAnswer(400, {
      type: 'idempotency_error',
      message: 'Keys for idempotent requests can only be used with the parameters they were first used with.',
    }),
};
