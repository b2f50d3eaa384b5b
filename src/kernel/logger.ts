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

/** A run of five or more digits in an error's text could be part of a number: shown as dots. */
function maskDigits(text: string): string {
  return text.replaceAll(/\d{5,}/g, '•••••');
}

function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error)) return { name: typeof error, message: 'not an Error' };
  const code = (error as { code?: unknown }).code;
  return {
    name: error.name,
    ...(typeof code === 'string' && { code }),
    message: maskDigits(error.message),
    ...(error.cause !== undefined && depth < 4 && { cause: describeError(error.cause, depth + 1) }),
  };
}

/** A logger that writes one JSON object a line to `destination` (standard output by default). */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  const sink = destination === undefined ? pino(options) : pino(options, destination);
  const write =
    (at: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void => {
      const { error, ...rest } = fields;
      sink[at](error === undefined ? rest : { ...rest, error: describeError(error) }, message);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

export const silentLogger: Logger = createLogger('silent');
