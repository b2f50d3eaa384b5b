import { expect, test } from 'vitest';
import { HushtoneError } from '../../../src/kernel/errors.ts';
import { createLogger, silentLogger, type LogFields, type LogLevel } from '../../../src/kernel/logger.ts';

const CARD = '4242424242424242';

/** What a logger writes, line by line. */
function capture(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const logger = createLogger(level, { write: (line: string) => void lines.push(line) });
  const parsed = (): Record<string, unknown>[] =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, lines, parsed };
}

test('a line is one JSON object with level, time, fields and message', () => {
  const { logger, lines, parsed } = capture();
  logger.info('call connected', { callId: 'call_1', count: 2 });
  expect(lines).toHaveLength(1);
  expect(lines[0]?.endsWith('\n')).toBe(true);
  expect(parsed()[0]).toEqual({
    level: 30,
    time: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/) as string,
    callId: 'call_1',
    count: 2,
    msg: 'call connected',
  });
});

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['silent', []],
] as const)('level %s writes %j', (level, expected) => {
  const { logger, parsed } = capture(level);
  for (const at of ['debug', 'info', 'warn', 'error'] as const) logger[at](at);
  expect(parsed().map(({ msg }) => msg)).toEqual(expected);
});

test('a field that is not of the closed set is not written, whatever its type says', () => {
  const { logger, lines } = capture();
  const frame = { callId: 'call_1', dtmf: CARD, body: { pan: CARD } };
  logger.info('frame', frame);
  logger.info('inherited', Object.create({ dtmf: CARD }) as LogFields);
  expect(lines.join('')).toContain('call_1');
  expect(lines.join('')).not.toContain(CARD);
  expect(lines.join('')).not.toMatch(/dtmf|body/);
});

test('of an error only name, code and message are written, and those of its causes', () => {
  const { logger, lines, parsed } = capture();
  const cause = Object.assign(new RangeError('too far'), { detail: `row holds ${CARD}`, code: '23505' });
  const error = Object.assign(new HushtoneError('attempt_lost', 'internal', 'not written', { cause }), {
    request: { body: CARD },
  });
  logger.error('failed', { error });
  expect(parsed()[0]?.['error']).toEqual({
    name: 'HushtoneError',
    code: 'attempt_lost',
    message: 'not written',
    cause: { name: 'RangeError', code: '23505', message: 'too far' },
  });
  expect(lines.join('')).not.toContain(CARD);
  expect(lines.join('')).not.toContain('stack');
});

test.each([
  ['in a row', CARD],
  ['in groups', '4242 4242 4242 4242'],
  ['with dashes', '4242-4242-4242-4242'],
  ['a five-digit postal code', '90210'],
])('digits of an error text are not written: %s', (_, digits) => {
  const { logger, lines } = capture();
  logger.error('failed', {
    error: new Error(`Unexpected token in "${digits}"`, { cause: new Error(`field ${digits}`) }),
  });
  expect(lines.join('')).not.toContain(digits);
  expect(lines.join('')).not.toContain('4242');
  expect(lines.join('')).toContain('•••••');
});

test('digits are written neither as the name nor as the code of an error', () => {
  const { logger, lines } = capture();
  const error = Object.assign(new Error('x'), { name: CARD, code: CARD });
  logger.error('failed', { error });
  logger.error('failed', { error: Object.assign(new Error('x'), { code: `card ${CARD}` }) });
  expect(lines.join('')).not.toContain('4242');
});

test('short numbers of an error text stay readable', () => {
  const { logger, parsed } = capture();
  logger.error('failed', { error: new Error('status 503 after 3 attempts') });
  expect(parsed()[0]?.['error']).toMatchObject({ message: 'status 503 after 3 attempts' });
});

test.each([CARD, { pan: CARD }, [4, 2, 4, 2], null, 42])(
  'what was thrown and is no Error shows nothing: %j',
  (thrown) => {
    const { logger, parsed } = capture();
    logger.error('failed', { error: thrown });
    expect(parsed()[0]?.['error']).toEqual({ name: typeof thrown, message: 'not an Error' });
  },
);

test('a chain of causes that never ends is cut', () => {
  const { logger, lines } = capture();
  const error = new Error('round');
  error.cause = error;
  logger.error('failed', { error });
  expect(lines[0]?.match(/round/g)).toHaveLength(5);
});

test('the silent logger takes everything and writes nothing', () => {
  expect(() => silentLogger.error('nothing', { error: new Error(CARD) })).not.toThrow();
});
