/** A member's place in a conference. */
export interface ConferenceSeat {
  mute(on: boolean): void;
  coach(tag: string | undefined): void;
  /** Out of the conference, but not out of the call: the conference ended, or a `kick`. */
  evict(because: 'ended' | 'thrown_out'): void;
}

/** A conference while it runs. Whoever starts it decides where its events go, for all members. */
export interface ConferenceRoom {
  readonly name: string;
  readonly id: string;
  readonly startedAtMs: number;
  readonly statusHook: unknown;
  readonly statusEvents: ReadonlySet<string>;
  readonly seats: Set<ConferenceSeat>;
}

export class ConferenceRooms {
  readonly #rooms = new Map<string, ConferenceRoom>();

  /** The running conference of this name, or a new one. */
  enter(
    id: string,
    name: string,
    statusHook: unknown,
    statusEvents: readonly string[],
  ): { room: ConferenceRoom; started: boolean } {
    const running = this.#rooms.get(id);
    if (running !== undefined) return { room: running, started: false };
    const room: ConferenceRoom = {
      name,
      id,
      startedAtMs: performance.now(),
      statusHook,
      statusEvents: new Set(statusHook === undefined ? [] : statusEvents),
      seats: new Set(),
    };
    this.#rooms.set(id, room);
    return { room, started: true };
  }

  end(room: ConferenceRoom): void {
    if (this.#rooms.get(room.id) === room) this.#rooms.delete(room.id);
  }
}
