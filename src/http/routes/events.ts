import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountEventDesk } from '../../workflows/webhooks/contract.ts';
import { principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';
import { EVENT_STREAM_TYPE, openEventStream } from '../sse.ts';

/** The operations of the tag `events`. */
export function eventHandlers(events: AccountEventDesk): Handlers {
  return { streamAccountEvents: async (request, reply) => await streamEvents(events, request, reply) };
}

async function streamEvents(
  events: AccountEventDesk,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const actor = principalOf(request);
  if (request.method === 'HEAD') return await reply.type(EVENT_STREAM_TYPE).send();
  const after = request.headers['last-event-id'];
  // Opened once the account's past was found: what fails before is a problem document.
  let opened: (stream: ReturnType<typeof openEventStream>) => void = () => undefined;
  const stream = new Promise<ReturnType<typeof openEventStream>>((resolve) => {
    opened = resolve;
  });
  const subscription = await events.follow(
    actor,
    after === undefined ? undefined : Number(after),
    async (page) => {
      const open = await stream;
      for (const event of page) {
        open.send({ sequence: event.sequence, type: event.type, data: JSON.stringify(event) });
      }
      await open.drained();
    },
    () => void stream.then((open) => open.abort()),
  );
  const eventStream = openEventStream(reply);
  eventStream.onClose(() => subscription.close());
  opened(eventStream);
}
