import { expect, test } from 'vitest';
import { subscriptionSentinelAllowed } from '../../../../src/telephony/rtpengine/engine-version.ts';

test.each([
  [undefined, false],
  ['', false],
  ['unknown', false],
  ['11', false],
  ['10.5.3.5-1+deb12u1', false],
  ['11.4.9', false],
  ['9.12', false],
  ['mr11.5.1', true],
  ['11.5', true],
  ['Version: 11.5.1.9-1', true],
  ['11.10.0', true],
  ['12.0.1', true],
  ['13.5.1.2', true],
])('engine %s: %s', (version, allowed) => {
  const verdict = subscriptionSentinelAllowed(version);
  expect(verdict.allowed).toBe(allowed);
  expect(verdict.reason).toContain('11.5 needed');
});
