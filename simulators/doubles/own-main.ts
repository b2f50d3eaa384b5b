/** What the process of a provider's stand-in does beside listening. */
export interface Listening {
  readonly port: number;
  readonly adminPort?: number;
  close(): Promise<void>;
}

/** Says that it is ready, and where, then closes on a signal; with `exitWithParent` also when standard input ends. */
export function announce(
  listening: Listening,
  { exitWithParent }: { readonly exitWithParent: boolean },
): void {
  const stop = (): void => {
    process.stdin.destroy(); // it would keep the process alive
    void listening.close();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (exitWithParent) {
    // Nothing is read: the end of the pipe is the death of the process that holds the other side.
    process.stdin.resume().once('end', stop);
  }
  const { port, adminPort } = listening;
  process.stdout.write(`${JSON.stringify({ ready: true, port, adminPort })}\n`);
}

/** Throws for anything but 0 to 65535. */
export function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new Error('a port must be 0 to 65535');
  return port;
}

/** Runs `main`; what it throws is one sentence on standard error and exit code 1. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`);
    process.exitCode = 1;
  }
}
