import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { DeclineReason } from '../../../src/payments/contract.ts';
import { agentMessage } from '../../../src/payments/decline-reasons.ts';

const { components } = parse(readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8')) as {
  components: { schemas: { DeclineReason: { enum: DeclineReason[] } } };
};
const REASONS = components.schemas.DeclineReason.enum;

describe('what an agent may say about a decline', () => {
  test.each(REASONS)('%s: a sentence or two, without digits and without the code itself', (reason) => {
    const message = agentMessage(reason);
    expect(message).toMatch(/^[A-Z][^\d_]{20,200}\.$/);
    expect(message).not.toContain(reason);
  });

  // Whoever holds a card that is not theirs learns nothing from the wording.
  test.each(['lost_or_stolen', 'suspected_fraud'] as const)(
    '%s says no more than any decline does',
    (reason) => {
      expect(agentMessage(reason)).toBe(agentMessage('generic_decline'));
    },
  );

  test.each(REASONS)('%s accuses nobody', (reason) => {
    expect(agentMessage(reason)).not.toMatch(/stolen|lost|fraud|suspic|police|blocked/i);
  });
});
