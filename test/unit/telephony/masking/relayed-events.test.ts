import { describe, expect, it } from 'vitest';
import { RelayedEvents } from '../../../../src/telephony/masking/relayed-events.ts';

describe('RelayedEvents', () => {
  it('ends before it began while nothing was seen', () => {
    expect(new RelayedEvents().endsMs).toBe(Number.NEGATIVE_INFINITY);
  });

  it('adds up what comes faster than it is sent on, and starts anew after a pause', () => {
    const relayed = new RelayedEvents();
    relayed.event(100, 1000);
    expect(relayed.endsMs).toBe(1140);
    relayed.event(100, 1046);
    expect(relayed.endsMs).toBe(1280);
    relayed.event(20, 5000);
    expect(relayed.endsMs).toBe(5090);
  });
});
