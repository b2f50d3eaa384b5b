import { Refusal, type DoubleAnswer, type Refusals } from '../route.ts';

/** An error as Adyen has it. */
function errorAnswer(
  status: number,
  errorCode: string,
  message: string,
  headers?: Readonly<Record<string, string>>,
): DoubleAnswer {
  const errorType = status === 401 || status === 403 ? 'security' : status >= 500 ? 'internal' : 'validation';
  return { status, body: { status, errorCode, message, errorType }, ...(headers && { headers }) };
}

export function refusal(status: number, errorCode: string, message: string): Refusal {
  return new Refusal(errorAnswer(status, errorCode, message));
}

const inProgress = (): DoubleAnswer =>
  errorAnswer(409, '704', 'request already processed or in progress', { 'transient-error': 'true' });

export const ADYEN_REFUSALS: Refusals = {
  notFound: () => errorAnswer(404, '000', 'Not Found'),
  rateLimited: () => errorAnswer(429, '000', 'Too many requests'),
  serverError: (status) => errorAnswer(status, '000', 'Internal error'),
  keyInFlight: inProgress,
  keyReused: inProgress,
};
