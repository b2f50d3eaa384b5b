import { expect, it } from 'vitest';
import { tellAgentPage } from '../../../../simulators/demo/agent-page.ts';
import { Timeline } from '../../../../simulators/demo/timeline.ts';
import type { StreamedEvent } from '../../../../simulators/stack/api-client.ts';
import type { CaptureFieldResource, CaptureResource } from '../../../../src/workflows/contract.ts';

const CARD: CaptureFieldResource = {
  field: 'card_number',
  required: true,
  status: 'empty',
  digits: 0,
  attempts: 0,
};

const CAPTURE: CaptureResource = {
  id: 'cap_00000000000000000000000001',
  call_id: 'call_00000000000000000000000001',
  status: 'collecting',
  purpose: 'charge',
  fields: [CARD],
  stray_keys: 0,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
};

function told(...captures: readonly CaptureResource[]): string[] {
  const timeline = new Timeline();
  const events = captures.map((capture, index): StreamedEvent => ({
    id: index + 1,
    type: 'capture.field',
    data: { capture },
    atMs: 1000 + index * 200,
  }));
  tellAgentPage(events, timeline);
  return timeline.render().split('\n');
}

const withCard = (change: Partial<CaptureFieldResource>): CaptureResource => ({
  ...CAPTURE,
  fields: [{ ...CARD, ...change }],
});

it('tells a run of digits in one line, and every change of state in one of its own', () => {
  const digits = Array.from({ length: 16 }, (_, index) =>
    withCard({ status: 'collecting', digits: index + 1 }),
  );
  const accepted = withCard({ status: 'accepted', digits: 16, brand: 'visa', last4: '4242' });
  expect(
    told(
      CAPTURE,
      ...digits,
      accepted,
      { ...accepted, status: 'processing' },
      {
        ...accepted,
        status: 'declined',
        ended_at: '2026-01-01T00:00:09.000Z',
        payment: { status: 'declined', decline_reason: 'insufficient_funds' },
      },
    ),
  ).toEqual([
    '   0.00 s  agent     sees the capture collecting',
    '   0.20 s  agent     sees card number •••••••••••••••• come in: 16 digits in 3.0 s',
    '   3.40 s  agent     sees card number accepted: visa •••• 4242',
    '   3.60 s  agent     sees the capture processing',
    '   3.80 s  agent     sees the capture declined (insufficient_funds)',
  ]);
});

it('tells a rejection, and what is keyed again after it', () => {
  expect(
    told(
      CAPTURE,
      withCard({ status: 'collecting', digits: 1 }),
      withCard({ status: 'rejected', attempts: 1, reason: 'luhn' }),
      withCard({ status: 'collecting', attempts: 1, digits: 1 }),
      withCard({ status: 'collecting', attempts: 1, digits: 2 }),
    ),
  ).toEqual([
    '   0.00 s  agent     sees the capture collecting',
    '   0.20 s  agent     sees card number • come in: 1 digits in 0.0 s',
    '   0.40 s  agent     sees card number rejected: luhn',
    '   0.60 s  agent     sees card number •• come in: 2 digits in 0.2 s',
  ]);
});
