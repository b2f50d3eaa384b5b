/** Sockets that are being closed, and agents that keep theirs for a moment, are gone by then. */
const LINGERS_MS = 10_000;

/**
 * Call when all work is done. A process ends when nothing is left open; what is left open by mistake must not keep it
 * for ever: after ten seconds its kinds are named (`process.getActiveResourcesInfo`), and the process ends with the exit
 * code that it has.
 */
export function endThoughLingering(lingersMs = LINGERS_MS): void {
  const end = (): void => {
    const kinds = [...new Set(process.getActiveResourcesInfo())].join(', ');
    process.stderr.write(`hushtone: this was left open: ${kinds}\n`);
    process.exit();
  };
  // Does not keep the process itself: it fires only where something else does.
  setTimeout(end, lingersMs).unref();
}
