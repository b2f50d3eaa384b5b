import { describe, expect, it } from 'vitest';
import { HushtoneError } from '../../../../src/kernel/errors.ts';
import { failureOfExchange, failureOfStatus } from '../../../../src/payments/transport/failure.ts';
import { TransportError } from '../../../../src/payments/transport/transport.ts';

describe('failureOfStatus', () => {
  it.each([
    [400, 'invalid_request'],
    [401, 'authentication'],
    [402, 'invalid_request'],
    [403, 'authentication'],
    [404, 'invalid_request'],
    [422, 'invalid_request'],
    [429, 'rate_limited'],
  ] as const)('takes %i for refused: %s', (status, failure) => {
    expect(failureOfStatus(status)).toBe(failure);
  });

  it.each([101, 200, 202, 302, 408, 409, 425, 500, 502, 503, 504, 599])(
    'does not take %i for a promise that nothing was processed',
    (status) => {
      expect(failureOfStatus(status)).toBe('unknown_outcome');
    },
  );
});

describe('failureOfExchange', () => {
  it.each([
    { error: new TransportError('the connection failed', false), failure: 'unavailable' },
    { error: new TransportError('the connection failed', true), failure: 'unknown_outcome' },
    { error: new HushtoneError('request_body', 'internal', 'a body'), failure: 'invalid_request' },
    { error: new HushtoneError('request_header', 'internal', 'a header'), failure: 'invalid_request' },
    { error: new HushtoneError('secret_wiped', 'internal', 'wiped'), failure: 'invalid_request' },
    { error: new HushtoneError('secret_full', 'internal', 'full'), failure: 'unknown_outcome' },
    { error: new TypeError('anything else'), failure: 'unknown_outcome' },
  ])('$error: $failure', ({ error, failure }) => {
    const made = failureOfExchange(error);
    expect(made).toMatchObject({ name: 'ProviderError', failure, code: `provider_${failure}` });
    expect(made.cause).toBe(error);
  });
});
