import { randomBytes } from 'node:crypto';
import { systemClock, type Clock, type Timer } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { bencodeText, encodeBencode, isBencodeDictionary, type BencodeValue } from './bencode.ts';
import { refusal, unreachable } from './ng-errors.ts';
import type { NgTransport, NgTransportEvents } from './ng-transport.ts';
import type { NgClient, NgCommandOptions, NgMessage, NgReply } from './ng.ts';
import { createTcpTransport } from './tcp-transport.ts';
import { createUdpTransport } from './udp-transport.ts';

const DEFAULT_TIMEOUT_MS = 1_000;

/** When a UDP command is sent again, in ms after the first time. rtpengine answers in 0 to 2 ms. */
const RETRANSMIT_AT_MS = [100, 250, 500, 1_000, 2_000, 4_000];

export interface NgClientOptions {
  /** Default 1000. */
  readonly timeoutMs?: number;
  readonly logger: Logger;
  readonly clock?: Clock;
}

interface Pending {
  readonly command: string;
  readonly frame: Buffer;
  readonly timers: Timer[];
  readonly resolve: (reply: NgReply) => void;
  readonly reject: (error: HushtoneError) => void;
}

/**
 * A client of the rtpengine at `url`, `udp://host:port` (`--listen-ng`) or `tcp://host:port` (`--listen-tcp-ng`).
 * Throws `rtpengine_url` for any other. Sends nothing by itself.
 */
export function createNgClient(url: string, options: NgClientOptions): NgClient {
  const peer = parseNgUrl(url);
  const { logger, clock = systemClock, timeoutMs: defaultTimeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const pending = new Map<string, Pending>();
  const reconnectListeners = new Set<() => void>();
  let closed = false;

  const settle = (cookie: string): Pending | undefined => {
    const entry = pending.get(cookie);
    pending.delete(cookie);
    for (const timer of entry?.timers ?? []) timer.cancel();
    return entry;
  };

  const events: NgTransportEvents = {
    received(cookie, value) {
      // An unknown cookie is a late answer or a notification. The latter can hold a digit: it is not looked at.
      const entry = settle(cookie);
      if (entry === undefined) return;
      answer(entry, value);
    },
    unreadable(cookie) {
      const entry = settle(cookie);
      entry?.reject(refusal(entry.command, 'the answer is not understood'));
    },
    connected(again) {
      for (const { frame } of pending.values()) transport.send(frame);
      if (!again) return;
      logger.info('connected to rtpengine again', { host: peer.host, port: peer.port });
      for (const listener of reconnectListeners) listener();
    },
  };
  const transport: NgTransport =
    peer.protocol === 'udp'
      ? createUdpTransport(peer, events, logger)
      : createTcpTransport(peer, events, { clock, logger });

  return {
    async command(message: NgMessage, { timeoutMs = defaultTimeoutMs }: NgCommandOptions = {}) {
      if (closed) throw unreachable(message.command);
      // 96 random bits: nobody but the engine can answer, and a notification cannot be taken for an answer.
      const cookie = randomBytes(12).toString('hex');
      const frame = Buffer.concat([Buffer.from(`${cookie} `), encodeBencode(message)]);
      return new Promise<NgReply>((resolve, reject) => {
        const timers: Timer[] = [];
        pending.set(cookie, { command: message.command, frame, timers, resolve, reject });
        transport.send(frame);
        if (!transport.reliable) {
          // The same cookie: the engine repeats its answer and does not carry the command out a second time.
          for (const delayMs of RETRANSMIT_AT_MS.filter((at) => at < timeoutMs)) {
            timers.push(clock.after(delayMs, () => transport.send(frame)));
          }
        }
        timers.push(
          clock.after(timeoutMs, () => {
            settle(cookie);
            transport.unanswered();
            reject(unreachable(message.command));
          }),
        );
      });
    },
    onReconnect(listener) {
      reconnectListeners.add(listener);
      return () => reconnectListeners.delete(listener);
    },
    async close() {
      closed = true;
      for (const cookie of pending.keys()) {
        const entry = settle(cookie);
        entry?.reject(unreachable(entry.command));
      }
      await transport.close();
    },
  };
}

function answer(entry: Pending, reply: BencodeValue): void {
  if (!isBencodeDictionary(reply)) {
    entry.reject(refusal(entry.command, 'the answer is not a dictionary'));
    return;
  }
  if (bencodeText(reply.get('result')) === 'error') {
    entry.reject(refusal(entry.command, bencodeText(reply.get('error-reason')) ?? ''));
    return;
  }
  entry.resolve(reply);
}

interface NgPeer {
  readonly protocol: 'udp' | 'tcp';
  readonly host: string;
  readonly port: number;
}

function parseNgUrl(url: string): NgPeer {
  const match =
    /^(?<protocol>udp|tcp):\/\/(?:\[(?<v6>[\da-f:.]+)\]|(?<name>[^\s:/[\]@]+)):(?<port>\d{1,5})\/?$/i.exec(
      url,
    );
  const { protocol, v6, name, port } = match?.groups ?? {};
  const host = v6 ?? name;
  if (protocol === undefined || host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new HushtoneError(
      'rtpengine_url',
      'invalid',
      'the address of rtpengine must be udp://host:port or tcp://host:port',
    );
  }
  return { protocol: protocol.toLowerCase() === 'tcp' ? 'tcp' : 'udp', host, port: Number(port) };
}
