import { expect, vi } from 'vitest';
import type { LedgerEntry } from '../../simulators/sandbox-provider/ledger.ts';
import type { ApiAnswer } from '../../simulators/stack/api-client.ts';
import type { Stack } from '../../simulators/stack/stack.ts';
import type { CallResource, CaptureResource, EvidenceResource } from '../../src/workflows/contract.ts';

const WRITTEN_WITHIN_MS = 20_000;

/** What the provider was asked for under a capture's reference. */
export async function ledgerOf(stack: Stack, reference: string): Promise<LedgerEntry[]> {
  return (await stack.provider.admin.ledger()).filter((entry) => entry.reference === reference);
}

export async function evidenceOf(stack: Stack, captureId: string): Promise<EvidenceResource> {
  const { status, body } = await stack.api.get(`/v1/captures/${captureId}/evidence`);
  expect(body).toMatchObject({ capture_id: captureId });
  expect(status).toBe(200);
  return body as EvidenceResource;
}

/** Resolves with the evidence once it holds `step`. */
export async function untilStep(
  stack: Stack,
  captureId: string,
  step: EvidenceResource['steps'][number]['step'],
): Promise<EvidenceResource> {
  return await vi.waitFor(
    async () => {
      const evidence = await evidenceOf(stack, captureId);
      expect(evidence.steps.map((entry) => entry.step)).toContain(step);
      return evidence;
    },
    { timeout: WRITTEN_WITHIN_MS, interval: 100 },
  );
}

export function stepsOf(evidence: EvidenceResource): string[] {
  return evidence.steps.map(({ step }) => step);
}

/** What the first such step says beyond its name. */
export function detailOf(evidence: EvidenceResource, name: string): string | undefined {
  return evidence.steps.find(({ step }) => step === name)?.detail;
}

export async function readCapture(stack: Stack, captureId: string): Promise<CaptureResource> {
  const { status, body } = await stack.api.get(`/v1/captures/${captureId}`);
  expect(status).toBe(200);
  return body as CaptureResource;
}

/** The live call of a line, as an integrator sees it; undefined when there is none. */
export async function callOf(stack: Stack, line: number): Promise<CallResource | undefined> {
  const { body } = await stack.api.get('/v1/calls');
  const { calls } = body as { calls: CallResource[] };
  return calls.find((call) => call.agent_id === stack.lines[line]?.agentId);
}

/** Resolves with the live call of a line once it fits. */
export async function untilCall(
  stack: Stack,
  line: number,
  fits: Partial<CallResource>,
): Promise<CallResource> {
  return await vi.waitFor(
    async () => {
      const call = await callOf(stack, line);
      expect(call).toMatchObject(fits);
      return call as CallResource;
    },
    { timeout: WRITTEN_WITHIN_MS, interval: 100 },
  );
}

/** A capture ended: no field shows a digit any more, but what an accepted card number may show. */
export function expectNothingKeyed(capture: CaptureResource): void {
  for (const field of capture.fields) {
    expect(field).toMatchObject({
      status: expect.stringMatching(/^(empty|rejected)$/) as unknown,
      digits: 0,
    });
    expect(field).not.toHaveProperty('last4');
  }
}

/** A refusal as a problem document. */
export function expectProblem(answer: ApiAnswer, status: number, code: string): void {
  expect(answer.body).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  expect(answer.contentType).toContain('application/problem+json');
}
