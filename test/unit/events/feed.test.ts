import { expect, test, vi } from 'vitest';
import { EventFeed } from '../../../src/events/feed.ts';

const listener = () => vi.fn<(event: number) => void>();

test('everyone who listens to a topic gets its events in order, and no others', () => {
  const feed = new EventFeed<number>();
  const [first, second, other] = [listener(), listener(), listener()];
  feed.subscribe('a', first);
  feed.subscribe('a', second);
  feed.subscribe('b', other);
  feed.publish('a', 1);
  feed.publish('a', 2);
  expect(first.mock.calls).toEqual([[1], [2]]);
  expect(second.mock.calls).toEqual([[1], [2]]);
  expect(other).not.toHaveBeenCalled();
});

test('who has stopped listening gets nothing more, and may stop again', () => {
  const feed = new EventFeed<number>();
  const [first, second] = [listener(), listener()];
  const stop = feed.subscribe('a', first);
  feed.subscribe('a', second);
  stop();
  stop();
  feed.publish('a', 1);
  expect(first).not.toHaveBeenCalled();
  expect(second).toHaveBeenCalledTimes(1);
  expect(feed.size).toBe(1);
});

test('who stops listening while an event is told does not disturb the others', () => {
  const feed = new EventFeed<number>();
  const second = listener();
  const stop = feed.subscribe('a', () => stop());
  feed.subscribe('a', second);
  feed.publish('a', 1);
  expect(second).toHaveBeenCalledTimes(1);
  expect(feed.size).toBe(1);
});

test('a listener that throws is dropped, and the others are told', () => {
  const feed = new EventFeed<number>();
  const broken = listener().mockImplementation(() => {
    throw new Error('gone');
  });
  const second = listener();
  feed.subscribe('a', broken);
  feed.subscribe('a', second);
  feed.publish('a', 1);
  feed.publish('a', 2);
  expect(broken).toHaveBeenCalledTimes(1);
  expect(second).toHaveBeenCalledTimes(2);
});

test('nothing is kept of a topic that nobody listens to any more', () => {
  const feed = new EventFeed<number>();
  for (let n = 0; n < 100; n += 1) feed.subscribe(`topic ${n}`, listener())();
  feed.publish('topic 1', 1);
  expect(feed.size).toBe(0);
});
