import { NO_SPAN } from '../call-info.ts';
import type { ConferenceRoom, ConferenceSeat } from '../conference-room.ts';
import { textOf } from '../json.ts';
import type { Session, Verb } from '../session.ts';

type ConferenceEvent = 'start' | 'join' | 'leave' | 'end';

/** Takes part until the call ends, the conference ends, or the member is thrown out; then the next verb runs. */
export async function conference(session: Session, verb: Verb, signal: AbortSignal): Promise<void> {
  await session.needMedia(false);
  const { timers, timings, rooms, identities } = session.exchange;
  const name = textOf(verb['name']) ?? '';
  const events = Array.isArray(verb['statusEvents']) ? verb['statusEvents'] : [];
  const { room, started } = rooms.enter(
    `conf:${identities.accountSid}:${name}`,
    name,
    verb['statusHook'],
    events.filter((event): event is string => typeof event === 'string'),
  );
  if (started) {
    await timers.sleep(timings.conferenceStartMs, signal);
    if (!signal.aborted) void report(session, room, 'start', 0);
  }
  await timers.sleep(started ? timings.conferenceFirstJoinMs : timings.conferenceJoinMs, signal);
  if (signal.aborted) {
    if (room.seats.size === 0) rooms.end(room);
    return;
  }
  const departure = await attend(session, verb, room, signal);
  // Who hangs up is still counted out by FreeSWITCH, which takes a moment; who is evicted finds nobody left.
  if (departure === 'left') await timers.sleep(timings.conferenceLeaveMs);
  const remaining = departure === 'ended' ? 0 : room.seats.size;
  const endsIt = verb['endConferenceOnExit'] === true;
  await report(session, room, 'leave', remaining);
  if (remaining === 0 || endsIt) {
    rooms.end(room);
    void report(session, room, 'end', remaining);
  }
  if (verb['actionHook'] !== undefined) await session.hook(verb['actionHook'], session.info.snakeCase());
}

type Departure = 'left' | 'ended' | 'thrown_out';

async function attend(
  session: Session,
  verb: Verb,
  room: ConferenceRoom,
  signal: AbortSignal,
): Promise<Departure> {
  const { timers, timings, callerControls } = session.exchange;
  const memberTag = textOf(verb['memberTag']);
  let seat: ConferenceSeat | undefined;
  const departure = await new Promise<Departure>((resolve) => {
    const member = session.leg.joinConference(room.id, {
      callerControls,
      ...(memberTag !== undefined && { memberTag }),
      onThrownOut: () => resolve('thrown_out'),
    });
    if (verb['joinMuted'] === true) member.mute(true);
    seat = {
      mute: (on) => member.mute(on),
      coach: (tag) => member.coach(tag),
      evict: (because) => {
        member.leave();
        resolve(because);
      },
    };
    signal.addEventListener(
      'abort',
      () => {
        member.leave();
        resolve('left');
      },
      { once: true },
    );
    room.seats.add(seat);
    session.seat = seat;
    void report(session, room, 'join', room.seats.size);
    if (room.seats.size > 1) session.call.connected();
  });
  session.seat = undefined;
  if (seat !== undefined) room.seats.delete(seat);
  if (verb['endConferenceOnExit'] === true && departure !== 'ended') {
    timers.after(timings.conferenceEvictMs, () => {
      for (const other of room.seats) other.evict('ended');
    });
  }
  return departure;
}

/** Conference events go to the hook of whoever started the conference, on the socket of whom they are about. */
async function report(
  session: Session,
  room: ConferenceRoom,
  event: ConferenceEvent,
  members: number,
): Promise<void> {
  if (!room.statusEvents.has(event)) return;
  const data = {
    event,
    duration: Math.round(performance.now() - room.startedAtMs) / 1000,
    time: new Date().toISOString(),
    members,
    conference_sid: room.id,
    friendly_name: room.name,
    ...session.info.snakeCase(), // once completed it brings the call's own `duration`
    b3: NO_SPAN,
  };
  await session.hook(room.statusHook, data, { takeVerbs: false, b3: 'inside' });
}
