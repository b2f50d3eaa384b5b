import inspector from 'node:inspector';
import { readProcessLimits, type ProcessLimits } from './process-limits.ts';
import { SETTINGS } from './settings.ts';

/** The environment as it was at the time of the call. This file alone reads `process.env`. */
export function readEnvironment(): Record<string, string | undefined> {
  return { ...process.env };
}

/**
 * Takes the settings that are secrets out of `process.env`: no process that is started from here inherits them, and no
 * diagnostic report of Node (`process.report`) prints them. For a process that has read its settings and reads them no
 * more. What the kernel keeps of the environment that the process was started with (`/proc/PID/environ`) stays: nobody
 * but the system can change that.
 */
export function forgetSecretSettings(): void {
  for (const [name, { kind }] of Object.entries(SETTINGS)) {
    if (kind === 'secret') Reflect.deleteProperty(process.env, name);
  }
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
