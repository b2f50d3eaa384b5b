import type { FastifyReply, FastifyRequest } from 'fastify';
import type {
  CaptureCommand,
  CaptureDesk,
  CaptureListing,
  CaptureRequest,
  FieldName,
  GrantDesk,
} from '../../workflows/contract.ts';
import { principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';
import { claimOf } from '../idempotency.ts';
import { EVENT_STREAM_TYPE, openEventStream, type EventStream } from '../sse.ts';

const captureIdOf = (request: FastifyRequest): string =>
  (request.params as { capture_id: string }).capture_id;

/** The operations of the tag `captures`. */
export function captureHandlers(captures: CaptureDesk, grants: GrantDesk): Handlers {
  const command =
    (build: (request: FastifyRequest) => CaptureCommand) =>
    async (request: FastifyRequest): Promise<unknown> =>
      await captures.command(principalOf(request), captureIdOf(request), build(request));
  const fieldOf = (request: FastifyRequest): FieldName => (request.body as { field: FieldName }).field;

  return {
    async createCapture(request, reply) {
      const capture = await captures.create(
        principalOf(request),
        request.body as CaptureRequest,
        claimOf(request),
      );
      reply.code(201).header('location', `/v1/captures/${capture.id}`);
      return capture;
    },
    listCaptures: async (request) =>
      await captures.page(principalOf(request), request.query as CaptureListing),
    getCapture: async (request) => await captures.get(principalOf(request), captureIdOf(request)),
    focusField: command((request) => ({ type: 'focus', field: fieldOf(request) })),
    clearField: command((request) => ({ type: 'clear', field: fieldOf(request) })),
    pauseCapture: command(() => ({ type: 'pause' })),
    resumeCapture: command(() => ({ type: 'resume' })),
    submitCapture: command(() => ({ type: 'submit' })),
    cancelCapture: command(() => ({ type: 'cancel' })),
    getCaptureEvidence: async (request) =>
      await captures.evidence(principalOf(request), captureIdOf(request)),
    streamCaptureEvents: async (request, reply) => await streamEvents(captures, grants, request, reply),
  };
}

async function streamEvents(
  captures: CaptureDesk,
  grants: GrantDesk,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const actor = principalOf(request);
  const captureId = captureIdOf(request);
  if (request.method === 'HEAD') {
    await captures.get(actor, captureId);
    return await reply.type(EVENT_STREAM_TYPE).send();
  }
  // Opened with the first event, or when all of the past is told: what fails before is a problem document.
  let stream: EventStream | undefined;
  const opened = (): EventStream => (stream ??= openEventStream(reply));
  try {
    const subscription = await captures.follow(
      actor,
      captureId,
      Number(request.headers['last-event-id'] ?? 0),
      (event) => opened().send({ sequence: event.sequence, type: event.type, data: JSON.stringify(event) }),
      () => opened().close(),
    );
    opened().onClose(() => subscription.close());
    const { grantId } = actor;
    if (grantId !== undefined) {
      // The stream ends with its grant: a request is checked once, and a stream is one request for minutes.
      const watch = grants.watch({ ...actor, grantId }, () => opened().abort());
      opened().onClose(() => watch.close());
    }
  } catch (error) {
    if (stream === undefined) throw error;
    stream.abort();
  }
}
