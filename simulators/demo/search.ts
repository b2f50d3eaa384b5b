import { encodedNeedlesOf, textNeedlesOf } from '../residue/needles.ts';
import {
  searchDatabase,
  searchFiles,
  searchMemory,
  searchText,
  Search,
  type Searched,
} from '../residue/search.ts';
import type { Stack } from '../stack/stack.ts';

/** Looks for a card number in everything that a capture could have touched. */
export async function searchEverywhere(
  stack: Stack,
  cardNumber: string,
  streams: readonly string[],
  directories: readonly string[],
): Promise<Searched[]> {
  const digits = Array.from(cardNumber, Number);
  const search = new Search([...textNeedlesOf('as digits', digits), ...encodedNeedlesOf('encoded', digits)]);
  const { pid, log } = stack.gateway();
  const { rows, directory } = await searchDatabase(stack.databaseUrl, search);
  const all = [directory, ...directories];
  const separate = all.filter((each) => !all.some((other) => each.startsWith(`${other}/`)));
  const inFiles = await Promise.all(separate.map(async (each) => await searchFiles(each, search)));
  return [
    searchText('the gateway’s log', 'lines', log, search),
    searchText('the event stream', 'stream', streams, search),
    rows,
    ...inFiles,
    searchMemory('the gateway’s memory', pid, search),
  ];
}
