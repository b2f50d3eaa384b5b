import type { CaptureEvent, CaptureFieldResource, CaptureResource } from '../../src/workflows/contract.ts';
import type { StreamedEvent } from '../stack/api-client.ts';
import type { Timeline } from './timeline.ts';

export const captureOf = ({ data }: StreamedEvent): CaptureResource => (data as CaptureEvent).capture;

const nameOf = (field: string): string => field.replaceAll('_', ' ');

interface Progress {
  readonly field: string;
  readonly sinceMs: number;
  untilMs: number;
  digits: number;
}

/** What the agent's page shows, from the events that it got: a run of digits in one line, and every change of state. */
export function tellAgentPage(events: readonly StreamedEvent[], timeline: Timeline): void {
  let before: CaptureResource | undefined;
  let progress: Progress | undefined;
  const tellProgress = (): void => {
    if (progress === undefined) return;
    const { field, sinceMs, untilMs, digits } = progress;
    const seconds = ((untilMs - sinceMs) / 1000).toFixed(1);
    timeline.add(
      sinceMs,
      'agent',
      `sees ${nameOf(field)} ${'•'.repeat(digits)} come in: ${digits} digits in ${seconds} s`,
    );
    progress = undefined;
  };
  for (const event of events) {
    const capture = captureOf(event);
    const keyed = keyedField(before, capture);
    if (keyed !== undefined) {
      if (progress?.field !== keyed.field) tellProgress();
      progress ??= { field: keyed.field, sinceMs: event.atMs, untilMs: event.atMs, digits: 0 };
      progress.digits = keyed.digits;
      progress.untilMs = event.atMs;
    }
    const changes = changesOf(before, capture);
    if (changes.length > 0) {
      tellProgress();
      timeline.add(event.atMs, 'agent', `sees ${changes.join('; ')}`);
    }
    before = capture;
  }
  tellProgress();
}

/** The field that has got a digit more, if that is what happened. */
function keyedField(
  before: CaptureResource | undefined,
  now: CaptureResource,
): CaptureFieldResource | undefined {
  return now.fields.find((field, index) => field.digits > (before?.fields[index]?.digits ?? 0));
}

function changesOf(before: CaptureResource | undefined, now: CaptureResource): string[] {
  const fields = now.fields.flatMap((field, index) => {
    const known = before?.fields[index];
    if (field.status === known?.status && field.attempts === known.attempts) return [];
    if (field.status === 'accepted') return [acceptance(field)];
    return field.status === 'rejected' ? [`${nameOf(field.field)} rejected: ${field.reason ?? ''}`] : [];
  });
  const status = now.status === before?.status ? [] : [statusOf(now)];
  const paused = now.paused === before?.paused ? [] : [now.paused ? `paused by ${now.paused}` : 'resumed'];
  return [...fields, ...(isOver(now) ? [] : paused), ...status];
}

const isOver = ({ ended_at: endedAt }: CaptureResource): boolean => endedAt !== undefined;

function acceptance({ field, brand, last4 }: CaptureFieldResource): string {
  const card = last4 === undefined ? '' : `: ${brand ?? ''} •••• ${last4}`;
  return `${nameOf(field)} accepted${card}`;
}

function statusOf({ status, reason, payment }: CaptureResource): string {
  const why = payment?.decline_reason ?? reason;
  const code = payment?.authorization_code;
  return `the capture ${status}${why === undefined ? '' : ` (${why})`}${code === undefined ? '' : `, authorization code ${code}`}`;
}
