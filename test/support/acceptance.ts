import { expect } from 'vitest';
import { loadContract } from '../../src/http/contract.ts';
import { agentSpeech, callerSpeech } from '../../simulators/audio/speech.ts';
import type { KeyedKey, KeyingOptions } from '../../simulators/jambonz/media/contract.ts';
import type { SimulatedCall } from '../../simulators/jambonz/simulator.ts';
import type { ApiAnswer, EventStreamHandle, StreamedEvent } from '../../simulators/stack/api-client.ts';
import { startStack, type CallOptions, type Stack, type StackOptions } from '../../simulators/stack/stack.ts';
import type { CaptureEvent, CaptureResource } from '../../src/workflows/contract.ts';

export const contract = loadContract(new URL('../../openapi.yaml', import.meta.url));

interface PathItem {
  readonly [method: string]: { readonly operationId: string; readonly tags?: readonly string[] } | undefined;
}

/** The operation of openapi.yaml that a request is for. */
export function operationOf(method: string, path: string): string | undefined {
  const paths = contract.document['paths'] as Record<string, PathItem>;
  const pathname = path.split('?')[0] ?? '';
  for (const [template, item] of Object.entries(paths)) {
    const pattern = new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
    if (pattern.test(pathname)) return item[method.toLowerCase()]?.operationId;
  }
  return undefined;
}

/** The operations of openapi.yaml that have one of the tags. */
export function operationIds(tags: readonly string[]): string[] {
  const paths = contract.document['paths'] as Record<string, PathItem>;
  return Object.values(paths)
    .flatMap((item) => Object.values(item))
    .filter((operation) => operation?.tags?.some((tag) => tags.includes(tag)))
    .flatMap((operation) => operation?.operationId ?? []);
}

/** Holds every answer that a test gets against the contract: an unknown field or status fails the test. */
export function checkAnswer(method: string, path: string, answer: ApiAnswer): void {
  const operation = operationOf(method, path);
  // A path that the contract does not have is refused, whatever else a test makes of it.
  if (operation === undefined) {
    if (answer.status >= 400) return;
    throw new Error(`${method} ${path} is no operation of the contract and was answered ${answer.status}`);
  }
  contract.checkResponse(operation, answer.status, answer.body);
}

/** A stack whose every HTTP answer is checked against openapi.yaml. */
export async function startCheckedStack(options: StackOptions): Promise<Stack> {
  return await startStack({ onAnswer: checkAnswer, ...options });
}

/** A call on which both sides talk. */
export async function talkingCall(stack: Stack, options: CallOptions = {}): Promise<SimulatedCall> {
  const call = await stack.call({
    ...options,
    caller: { speech: callerSpeech(), ...options.caller },
    agent: { speech: agentSpeech(), ...options.agent },
  });
  call.caller.setSpeaking(true);
  call.agent?.setSpeaking(true);
  return call;
}

export const captureOf = (event: StreamedEvent): CaptureResource => (event.data as CaptureEvent).capture;

/** A capture as an integrator sees it: started over HTTP, followed by its events. */
export interface FollowedCapture {
  readonly id: string;
  readonly stream: EventStreamHandle;
  /** The latest resource that an event carried. */
  readonly latest: () => CaptureResource | undefined;
  /** Resolves with the first event, past or to come, whose capture fits. */
  until(fits: (capture: CaptureResource) => boolean): Promise<CaptureResource>;
  untilStatus(status: CaptureResource['status']): Promise<CaptureResource>;
  untilAccepted(field: string): Promise<CaptureResource>;
  /** The same for a value that is keyed for the first time, and well: fails at once when it is rejected. */
  untilTaken(field: string): Promise<void>;
  command(name: 'focus' | 'clear', field: string): Promise<CaptureResource>;
  command(name: 'pause' | 'resume' | 'submit' | 'cancel'): Promise<CaptureResource>;
}

export interface CaptureWishes {
  readonly line?: number;
  readonly request?: Readonly<Record<string, unknown>>;
}

/** Starts a capture by agent and follows it. */
export async function startCapture(stack: Stack, wishes: CaptureWishes = {}): Promise<FollowedCapture> {
  const { status, body } = await stack.api.post('/v1/captures', {
    agent_id: stack.lines[wishes.line ?? 0]?.agentId,
    purpose: 'charge',
    amount: { value: 4200, currency: 'EUR' },
    ...wishes.request,
  });
  expect(body).toMatchObject({ status: 'securing' });
  expect(status).toBe(201);
  const { id } = body as CaptureResource;
  const stream = await stack.api.follow(`/v1/captures/${id}/events`);
  const until: FollowedCapture['until'] = async (fits) => {
    const found = stream.until((event) => fits(captureOf(event)));
    try {
      return captureOf(await found);
    } catch (cause) {
      const last = stream.events.at(-1);
      throw new Error(`the capture ended: ${JSON.stringify(last?.data)}`, { cause });
    }
  };
  return {
    id,
    stream,
    latest: () => {
      const last = stream.events.at(-1);
      return last && captureOf(last);
    },
    until,
    untilStatus: async (wanted) => await until((capture) => capture.status === wanted),
    untilAccepted: async (name) =>
      await until(({ fields }) =>
        fields.some(({ field, status: is }) => field === name && is === 'accepted'),
      ),
    async untilTaken(name) {
      const capture = await until(({ fields }) =>
        fields.some(({ field, status: is }) => field === name && (is === 'accepted' || is === 'rejected')),
      );
      const taken = capture.fields.find(({ field }) => field === name);
      if (taken?.status !== 'accepted')
        throw new Error(`${name} was not accepted: ${JSON.stringify(capture)}`);
    },
    async command(name: string, field?: string) {
      const answer = await stack.api.post(
        `/v1/captures/${id}/${name}`,
        field === undefined ? undefined : { field },
      );
      expect(answer.body).toMatchObject({ id });
      expect(answer.status).toBe(200);
      return answer.body as CaptureResource;
    },
  };
}

export interface Card {
  readonly number: string;
  readonly expiry?: string;
  readonly securityCode?: string;
}

/** The caller keys card number, expiry and security code, each when the capture asks for it. */
export async function keyCard(
  call: SimulatedCall,
  capture: FollowedCapture,
  card: Card,
  keying: KeyingOptions,
): Promise<KeyedKey[]> {
  await capture.untilStatus('collecting');
  const keyed = [...(await call.caller.key(`${card.number}#`, keying))];
  await capture.untilTaken('card_number');
  keyed.push(...(await call.caller.key(card.expiry ?? '1230', keying)));
  await capture.untilTaken('expiry');
  keyed.push(...(await call.caller.key(card.securityCode ?? '123', keying)));
  await capture.untilStatus('ready');
  return keyed;
}
