import { vi } from 'vitest';

export interface Run {
  /** The exit code, or what was thrown. */
  readonly result: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the command line with this environment and nothing else of the settings. */
export async function run(
  command: (args: readonly string[]) => Promise<number>,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Run> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  for (const name of Object.keys(process.env)) {
    if (/^(TOKEN_|DATABASE_|JAMBONZ_|ROUTES|BRIDGE|RTPENGINE_|FREESWITCH_)/.test(name))
      vi.stubEnv(name, undefined);
  }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    const result: unknown = await command(args).catch((error: unknown) => error);
    return { result, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
    vi.unstubAllEnvs();
  }
}
