import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyCard, startCapture, startCheckedStack, talkingCall } from '../support/acceptance.ts';
import type { Stack } from '../../simulators/stack/stack.ts';

describe.each(['dial', 'conference'] as const)('a charge over the %s bridge', (bridge) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startCheckedStack({ bridge });
  });
  afterAll(async () => await stack.close());

  it('reaches the provider with the number that was keyed', async () => {
    const call = await talkingCall(stack);
    const capture = await startCapture(stack);
    await keyCard(call, capture, { number: '4242424242424242' }, { transport: 'rfc4733' });
    await capture.command('submit');
    const ended = await capture.untilStatus('succeeded');
    expect(ended.payment).toMatchObject({ status: 'succeeded' });
    const [entry] = await stack.provider.admin.ledger();
    expect(entry).toMatchObject({
      cardNumber: '4242424242424242',
      expiry: '1230',
      securityCode: '123',
      amount: 4200,
    });
    call.hangUpCaller();
    await call.whenEnded;
  });
});
