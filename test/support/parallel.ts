/**
 * Runs `job` for every item, as many at a time as there are lines; each line takes the next item when it is free.
 * The results are in the order of the items.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  lines: number,
  job: (item: T, line: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async (line: number): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await job(items[index] as T, line);
    }
  };
  await Promise.all(Array.from({ length: lines }, async (_, line) => await work(line)));
  return results;
}

/** Resolves for all when `count` have come; rejects for those that wait when that takes longer than `withinMs`. */
export function barrier(count: number, withinMs: number): () => Promise<void> {
  let arrived = 0;
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (open = resolve));
  return async () => {
    arrived += 1;
    if (arrived === count) open();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${arrived} of ${count} came in time`)), withinMs);
    });
    await Promise.race([all, late]).finally(() => clearTimeout(timer));
  };
}

/** Lets so many go on at a time: `take` resolves with what ends the turn, which may be called more than once. */
export function turns(atOnce: number): { take(): Promise<() => void> } {
  let free = atOnce;
  const waiting: (() => void)[] = [];
  return {
    async take() {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      else free -= 1;
      let taken = true;
      return () => {
        if (!taken) return;
        taken = false;
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      };
    },
  };
}
