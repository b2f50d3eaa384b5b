import { pino, type DestinationStream } from 'pino';

/**
 * The fields that a log line may carry: a closed set, so that no raw frame, request body or error object with
 * unknown content can reach a log. Add a field here before you log it; never add one that can hold a keyed digit.
 */
export interface LogFields {
  accountId?: string;
  attemptId?: string;
  bridge?: string;
  callId?: string;
  callSid?: string;
  captureId?: string;
  closeCode?: number;
  code?: string;
  command?: string;
  count?: number;
  durationMs?: number;
  event?: string;
  field?: string;
  guard?: string;
  host?: string;
  httpStatus?: number;
  method?: string;
  part?: string;
  port?: number;
  provider?: string;
  purpose?: string;
  reason?: string;
  requestId?: string;
  route?: string;
  signal?: string;
  status?: string;
  transport?: string;
  version?: string;
  /** Only `name`, `code` and `message` of the error are written, and those of its causes. */
  error?: unknown;
}

/** The same set at run time: a type does not keep further members of an object out. */
const NAMES: Readonly<Record<Exclude<keyof LogFields, 'error'>, true>> = {
  accountId: true,
  attemptId: true,
  bridge: true,
  callId: true,
  callSid: true,
  captureId: true,
  closeCode: true,
  code: true,
  command: true,
  count: true,
  durationMs: true,
  event: true,
  field: true,
  guard: true,
  host: true,
  httpStatus: true,
  method: true,
  part: true,
  port: true,
  provider: true,
  purpose: true,
  reason: true,
  requestId: true,
  route: true,
  signal: true,
  status: true,
  transport: true,
  version: true,
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

interface DescribedError {
  name: string;
  code?: string;
  message: string;
  cause?: DescribedError;
}

/** Five or more digits in an error's text, grouped or not, could be part of a number: shown as dots. */
function maskDigits(text: string): string {
  return text.replaceAll(/\d(?:[ -]?\d){4,}/g, '•••••');
}

/** `ECONNRESET`, `invalid_capture_spec`, SQLSTATE `23505`: anything else is no code and is left out. */
function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^\w{1,64}$/.test(code) && !/\d{6}/.test(code) ? code : undefined;
}

function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error)) return { name: typeof error, message: 'not an Error' };
  const code = codeOf(error);
  return {
    name: maskDigits(error.name),
    ...(code !== undefined && { code }),
    message: maskDigits(error.message),
    ...(error.cause !== undefined && depth < 4 && { cause: describeError(error.cause, depth + 1) }),
  };
}

function describeFields(fields: LogFields): Record<string, unknown> {
  const known = Object.entries(fields).filter(([name]) => Object.hasOwn(NAMES, name));
  return {
    ...Object.fromEntries(known),
    ...(fields.error !== undefined && { error: describeError(fields.error) }),
  };
}

/** A logger that writes one JSON object a line to `destination` (standard output by default). */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  const sink = destination === undefined ? pino(options) : pino(options, destination);
  const write =
    (at: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void =>
      sink[at](describeFields(fields), message);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

export const silentLogger: Logger = createLogger('silent');
