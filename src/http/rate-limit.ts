import type { FastifyReply, FastifyRequest } from 'fastify';
import { siteOf } from '../access/networks.ts';
import type { Principal } from '../access/principal.ts';
import type { Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';

const WINDOW_SECONDS = 60;
/** Counters of one policy. Beyond it the oldest are forgotten: memory is bounded, whoever asks. */
const MOST_COUNTERS = 20_000;

/** Requests a minute to this process; 0 for no limit. */
export interface RateLimits {
  readonly address: number;
  readonly client: number;
  readonly account: number;
}

export interface RateLimiter {
  /** Counts a request of anybody. Throws `rate_limited`. */
  countAddress(request: FastifyRequest, reply: FastifyReply): void;
  /** Counts a request of a client, and of its account. Throws `rate_limited`. */
  countPrincipal(principal: Pick<Principal, 'accountId' | 'clientId'>, reply: FastifyReply): void;
}

interface Counter {
  used: number;
  readonly resetsAtMs: number;
}

/** A fixed window a minute long for each key, from its first request on. */
class Policy {
  readonly #name: string;
  readonly #quota: number;
  readonly #clock: Clock;
  readonly #counters = new Map<string, Counter>();

  constructor(name: string, quota: number, clock: Clock) {
    this.#name = name;
    this.#quota = quota;
    this.#clock = clock;
  }

  /** Counts, tells the client where it stands, and throws when that is beyond the quota. */
  count(key: string, reply: FastifyReply): void {
    if (this.#quota === 0) return;
    const now = this.#clock.monotonicMs();
    const counter = this.#counterOf(key, now);
    counter.used += 1;
    const seconds = Math.max(1, Math.ceil((counter.resetsAtMs - now) / 1000));
    const remaining = Math.max(0, this.#quota - counter.used);
    addItem(reply, 'ratelimit-policy', `"${this.#name}";q=${this.#quota};w=${WINDOW_SECONDS}`);
    addItem(reply, 'ratelimit', `"${this.#name}";r=${remaining};t=${seconds}`);
    if (counter.used <= this.#quota) return;
    reply.header('retry-after', String(seconds));
    throw new HushtoneError(
      'rate_limited',
      'limited',
      `Too many requests: the limit "${this.#name}" is used up.`,
    );
  }

  #counterOf(key: string, now: number): Counter {
    const known = this.#counters.get(key);
    if (known !== undefined && known.resetsAtMs > now) return known;
    // Behind the others again: the map is in the order in which the windows end.
    this.#counters.delete(key);
    for (const [other, { resetsAtMs }] of this.#counters) {
      if (resetsAtMs > now && this.#counters.size < MOST_COUNTERS) break;
      this.#counters.delete(other);
    }
    const counter = { used: 0, resetsAtMs: now + WINDOW_SECONDS * 1000 };
    this.#counters.set(key, counter);
    return counter;
  }
}

/** The header is a list (RFC 9651): an item for each policy that the request counts for. */
function addItem(reply: FastifyReply, name: string, item: string): void {
  const before = reply.getHeader(name);
  reply.header(name, typeof before === 'string' ? `${before}, ${item}` : item);
}

/**
 * Limits that hold for this process, told in the headers of every answer as draft-ietf-httpapi-ratelimit-headers-10
 * has them.
 */
export function createRateLimiter(limits: RateLimits, clock: Clock): RateLimiter {
  const address = new Policy('address', limits.address, clock);
  const client = new Policy('client', limits.client, clock);
  const account = new Policy('account', limits.account, clock);
  return {
    countAddress: (request, reply) => address.count(siteOf(request.ip), reply),
    countPrincipal({ accountId, clientId }, reply) {
      client.count(JSON.stringify([accountId, clientId]), reply);
      account.count(accountId, reply);
    },
  };
}
