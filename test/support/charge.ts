import { expect } from 'vitest';
import type { DtmfTransport, KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CaptureResource, EvidenceResource } from '../../src/workflows/contract.ts';
import { keyCard, startCapture, type Card, type FollowedCapture } from './acceptance.ts';
import { evidenceOf, ledgerOf, untilStep } from './records.ts';

export type { Card } from './acceptance.ts';

export interface ChargeWishes {
  readonly line: number;
  /** Tells this payment from others at the provider. */
  readonly reference: string;
  readonly card?: Card;
  readonly transport?: DtmfTransport;
}

export interface Charge {
  readonly capture: CaptureResource;
  readonly evidence: EvidenceResource;
}

/** 4242 4242 4242 4242, Stripe's published number of a Visa that is charged. */
export const APPROVED: Card = { number: '4242424242424242' };
/** Another one, so that what is keyed second cannot be taken for what was keyed first. */
export const APPROVED_TOO: Card = { number: '4012001037141112', expiry: '0931', securityCode: '456' };

/** A whole capture on a call that is up, from its request to the opening of the lock. */
export async function charge(stack: Stack, call: SimulatedCall, wishes: ChargeWishes): Promise<Charge> {
  const { line, reference, card = APPROVED, transport = 'rfc4733' } = wishes;
  const capture = await startCapture(stack, { line, request: { reference } });
  try {
    await keyCard(call, capture, card, { transport });
  } catch (cause) {
    throw new Error(`its evidence: ${JSON.stringify(await evidenceOf(stack, capture.id))}`, { cause });
  }
  return await submit(stack, capture, reference, card);
}

/** The caller keys a whole card anew, after the capture has refused or lost some of it. */
export async function keyCardAgain(
  call: SimulatedCall,
  capture: FollowedCapture,
  card: Card,
  keying: KeyingOptions,
): Promise<void> {
  await call.caller.key(`${card.number}#`, keying);
  await capture.untilAccepted('card_number');
  await call.caller.key(card.expiry ?? '1230', keying);
  await capture.untilAccepted('expiry');
  await call.caller.key(card.securityCode ?? '123', keying);
  await capture.untilStatus('ready');
}

/** Submits a capture that is ready; the provider got exactly `card`, once, and the masking was released. */
export async function submit(
  stack: Stack,
  capture: FollowedCapture,
  reference: string,
  card: Card,
): Promise<Charge> {
  await capture.command('submit');
  const ended = await capture.untilStatus('succeeded');
  expect(ended.payment).toMatchObject({ status: 'succeeded' });
  expect(ended).not.toHaveProperty('interruption');
  const entries = await ledgerOf(stack, reference);
  expect(entries).toMatchObject([
    {
      cardNumber: card.number,
      expiry: card.expiry ?? '1230',
      securityCode: card.securityCode ?? '123',
      requests: 1,
      result: 'succeeded',
    },
  ]);
  return { capture: ended, evidence: await untilStep(stack, capture.id, 'released') };
}
