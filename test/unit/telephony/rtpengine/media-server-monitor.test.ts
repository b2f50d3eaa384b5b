import { beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import {
  createMediaServerMonitor,
  type MediaServerMonitor,
} from '../../../../src/telephony/rtpengine/media-server-monitor.ts';
import { FakeEngine } from './fake-engine.ts';
import { ManualClock } from './manual-clock.ts';

let engine: FakeEngine;
let clock: ManualClock;
let monitor: MediaServerMonitor;
let told: string[];

beforeEach(() => {
  engine = new FakeEngine();
  clock = new ManualClock();
  monitor = createMediaServerMonitor({ ng: engine, clock, logger: silentLogger });
  told = [];
});

function watch(name = ''): () => void {
  return monitor.watch({
    unreachable: () => told.push(`${name}unreachable`),
    reachable: () => told.push(`${name}reachable`),
  });
}

describe('while somebody watches', () => {
  test('pings at once and each second, and not at all before or after', async () => {
    await clock.advance(5_000);
    expect(engine.commands()).toEqual([]);
    expect(monitor.reachable).toBeUndefined();

    const stop = watch();
    await clock.advance(2_000);
    expect(engine.commands()).toEqual(['ping', 'ping', 'ping']);
    expect(monitor.reachable).toBe(true);

    stop();
    stop();
    await clock.advance(5_000);
    expect(engine.sent).toHaveLength(3);
    expect(clock.pending).toBe(0);
    expect(engine.listeners).toBe(0);
    expect(monitor.reachable).toBeUndefined();
  });

  test('one failed ping is nothing, two in a row are unreachable, told once; the next answer is reachable', async () => {
    watch();
    await clock.advance(0);
    engine.answers = false;
    await clock.advance(1_000);
    engine.answers = true;
    await clock.advance(1_000);
    engine.answers = false;
    await clock.advance(1_000);
    expect(told).toEqual([]);
    await clock.advance(3_000);
    expect(told).toEqual(['unreachable']);
    expect(monitor.reachable).toBe(false);
    engine.answers = true;
    await clock.advance(3_000);
    expect(told).toEqual(['unreachable', 'reachable']);
  });

  test('all watchers share the pings, and a late one is told that the engine is out of reach', async () => {
    const stopFirst = watch('a:');
    watch('b:');
    engine.answers = false;
    await clock.advance(1_000);
    expect(told).toEqual(['a:unreachable', 'b:unreachable']);
    expect(engine.sent).toHaveLength(2);
    watch('c:');
    expect(told.at(-1)).toBe('c:unreachable');
    stopFirst();
    engine.answers = true;
    await clock.advance(1_000);
    expect(told.slice(3)).toEqual(['b:reachable', 'c:reachable']);
  });

  test('a connection that was made again is told as a loss and a return', async () => {
    watch();
    await clock.advance(0);
    engine.reconnect();
    expect(told).toEqual(['unreachable', 'reachable']);
  });

  test('an answer that comes after the last watcher went changes nothing for the next', async () => {
    let answer = (): void => undefined;
    engine.gate = new Promise((resolve) => {
      answer = resolve;
    });
    watch()();
    watch('next:');
    engine.answers = false;
    await clock.advance(1_000);
    expect(told).toEqual(['next:unreachable']);
    answer();
    await clock.advance(0);
    expect(told).toEqual(['next:unreachable']);
  });
});
