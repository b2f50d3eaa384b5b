import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { CAPTURE_EVENT_TYPES, EVENT_TYPES, PAYMENT_EVENT_TYPES } from '../../../src/events/types.ts';
import { DELIVERY_ERRORS } from '../../../src/events/webhooks/sender.ts';

interface Schema {
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

const { components } = parse(readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8')) as {
  components: { schemas: Record<string, Schema> };
};

test('openapi.yaml lists the same types of events and errors as the code', () => {
  const { schemas } = components;
  expect(schemas['EventType']?.enum).toEqual(EVENT_TYPES);
  expect(schemas['CaptureEventType']?.enum).toEqual(CAPTURE_EVENT_TYPES);
  expect(schemas['PaymentEventType']?.enum).toEqual(PAYMENT_EVENT_TYPES);
  expect(schemas['WebhookAttempt']?.properties?.['error']?.enum).toEqual(DELIVERY_ERRORS);
  const statuses = schemas['CaptureStatus']?.enum?.filter((status) => status !== 'created');
  expect(CAPTURE_EVENT_TYPES).toEqual(statuses?.map((status) => `capture.${status}`));
});
