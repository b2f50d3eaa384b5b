import inspector from 'node:inspector';
import { readProcessLimits, type ProcessLimits } from './process-limits.ts';

/** The environment as it was at the time of the call. This file alone reads `process.env`. */
export function readEnvironment(): Record<string, string | undefined> {
  return { ...process.env };
}

/** How this process was started, as far as it decides whether digits could leak out of it. */
export interface Runtime {
  /** `DEBUG`, which the `debug` package reads. */
  readonly debug?: string;
  readonly execArgv: readonly string[];
  /** `NODE_OPTIONS`. */
  readonly nodeOptions?: string;
  /** Where an inspector listens at this moment. */
  readonly inspectorUrl?: string;
  /** Absent outside Linux. */
  readonly limits?: ProcessLimits;
}

export function readRuntime(): Runtime {
  const { DEBUG: debug, NODE_OPTIONS: nodeOptions } = process.env;
  const inspectorUrl = inspector.url();
  const limits = readProcessLimits();
  return {
    execArgv: [...process.execArgv],
    ...(debug !== undefined && { debug }),
    ...(nodeOptions !== undefined && { nodeOptions }),
    ...(inspectorUrl !== undefined && { inspectorUrl }),
    ...(limits !== undefined && { limits }),
  };
}
