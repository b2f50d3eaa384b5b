import { describe, expect, it } from 'vitest';
import { wasHeardBeforeEvent } from '../../../../src/telephony/masking/heard-before-event.ts';
import { concatenate, whiteNoise } from '../../../../simulators/audio/tones.ts';

const NOTHING = -1;
const audio = (frames: number): Int16Array => whiteNoise(frames * 160, -65);
const nothing = (frames: number): Int16Array => new Int16Array(frames * 160).fill(NOTHING);

/** Listen audio up to the frame of an event of 100 ms. */
const heard = (...parts: Int16Array[]): Int16Array => concatenate([audio(20), ...parts]);

describe('wasHeardBeforeEvent', () => {
  it.each([0, 1])('holds when only the event itself is missing, and %i frames of audio follow', (late) => {
    expect(wasHeardBeforeEvent(heard(nothing(7), audio(late)), 100)).toBe(true);
  });

  it('holds when audio stands between the end packets', () => {
    expect(wasHeardBeforeEvent(heard(nothing(5), audio(1), nothing(1)), 100)).toBe(true);
  });

  it('holds when the source leaves no gap at all', () => {
    expect(wasHeardBeforeEvent(audio(30), 100)).toBe(true);
  });

  it.each([0, 1])('does not when the packet right before the event is missing, %i frames late', (late) => {
    expect(wasHeardBeforeEvent(heard(nothing(8), audio(late)), 100)).toBe(false);
    expect(wasHeardBeforeEvent(heard(nothing(6), audio(1), nothing(1)), 100)).toBe(false);
  });

  it.each([1, 2])('does not when a packet of the lead is missing, %i frames before the event', (before) => {
    expect(wasHeardBeforeEvent(heard(nothing(1), audio(before), nothing(7)), 100)).toBe(false);
  });

  it('holds for a key that follows another after no more than the time of a lead', () => {
    expect(wasHeardBeforeEvent(heard(nothing(7), audio(3), nothing(7)), 100)).toBe(true);
    expect(wasHeardBeforeEvent(heard(nothing(7), audio(3), nothing(7), audio(1)), 100)).toBe(true);
    expect(wasHeardBeforeEvent(heard(nothing(7), audio(2), nothing(7)), 100)).toBe(false);
  });

  it('does not care about what is missing earlier than any lead', () => {
    expect(wasHeardBeforeEvent(heard(nothing(1), audio(5), nothing(7)), 100)).toBe(true);
  });

  it('goes by the declared duration', () => {
    expect(wasHeardBeforeEvent(heard(nothing(62)), 1200)).toBe(true);
    expect(wasHeardBeforeEvent(heard(nothing(63)), 1200)).toBe(false);
    expect(wasHeardBeforeEvent(heard(nothing(6)), 61)).toBe(true);
  });

  it('does not when nothing but the event was heard', () => {
    expect(wasHeardBeforeEvent(nothing(20), 100)).toBe(false);
  });
});
