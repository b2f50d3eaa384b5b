import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { contextNeedlesOf, needlesOf, textNeedlesOf, type Needle } from '../../simulators/residue/needles.ts';
import type { RecordingRelay } from '../../simulators/residue/recording-relay.ts';
import {
  Search,
  searchBytes,
  searchDatabase,
  searchFiles,
  searchMemoryInSteps,
  searchOpenFiles,
  searchText,
  type Finding,
  type Searched,
} from '../../simulators/residue/search.ts';
import { inTurns } from '../../simulators/residue/scan.ts';
import type { Stack } from '../../simulators/stack/stack.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where a gateway started from the sources or the build may leave something behind besides the stack's directory. */
const DIRECTORIES = ['demo-output', '.data'];

export interface ResidueSearch {
  /** A whole stack, or as much of one. Without a database or a gateway that runs, those are not searched. */
  readonly stack: Pick<Stack, 'directory'> &
    Partial<Pick<Stack, 'databaseUrl'>> & {
      readonly gateway?: () => { readonly pid: number; readonly log: readonly string[] };
    };
  /** Digits from 0 to 9 by name: random ones, 12 or more (see `needlesOf`). */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** Shorter values, with what would stand before them: `{ name: 'code', before: '"security_code":"', digits }`. */
  readonly contexts?: readonly {
    readonly name: string;
    readonly before: string;
    readonly digits: readonly number[];
  }[];
  /** What was told to clients: event streams, answers, webhooks. */
  readonly texts?: Readonly<Record<string, readonly string[]>>;
  /** What went over the network. */
  readonly traffic?: Readonly<Record<string, RecordingRelay>>;
  /** More directories. */
  readonly directories?: readonly string[];
  /** The gateway was killed: there is no memory to be searched. */
  readonly dead?: boolean;
}

/**
 * Looks for digits, in every form, in everything that a gateway writes, keeps or tells: memory, open files, log, all
 * tables, the database's directory with its write-ahead log and temporary files, the stack's directory (which has the
 * gateway's temporary files), texts and traffic. Returns what was found: the value's name, form, place and offset, and no digit.
 */
export async function searchForResidue(options: ResidueSearch): Promise<readonly Finding[]> {
  return (await searchEverything(options)).flatMap(({ findings }) => findings);
}

/** The same with what was looked through. */
export async function searchEverything(options: ResidueSearch): Promise<readonly Searched[]> {
  const { stack, texts = {}, traffic = {} } = options;
  const search = new Search(needlesOfValues(options));
  const directories = new Set([
    stack.directory,
    ...DIRECTORIES.map((name) => join(ROOT, name)),
    ...(options.directories ?? []),
  ]);
  const searched: Searched[] = [];
  const gateway = stack.gateway?.();
  if (gateway !== undefined && options.dead !== true) {
    searched.push(await inTurns(searchMemoryInSteps('memory', gateway.pid, search)));
    searched.push(await searchOpenFiles('open files', gateway.pid, search));
  }
  if (gateway !== undefined) searched.push(searchText('the log', 'lines', gateway.log, search));
  if (stack.databaseUrl !== undefined) {
    const { rows, directory } = await searchDatabase(stack.databaseUrl, search);
    searched.push(rows);
    directories.add(directory);
  }
  for (const each of directories) {
    if (!isWithin(each, directories)) searched.push(await searchFiles(each, search));
  }
  searched.push(
    ...Object.entries(texts).map(([place, each]) => searchText(place, 'texts', each, search)),
    ...Object.entries(traffic).map(([place, relay]) => searchBytes(place, relay.recorded(), search)),
  );
  return searched;
}

function isWithin(directory: string, all: ReadonlySet<string>): boolean {
  return [...all].some((other) => directory.startsWith(join(other, '/')) && other !== directory);
}

/** Whole, and by more than the first eight digits (the longest that may be shown). */
function needlesOfValues({ values, contexts = [] }: ResidueSearch): Needle[] {
  return [
    ...Object.entries(values).flatMap(([name, digits]) => [
      ...needlesOf(name, digits),
      ...textNeedlesOf(`the beginning of ${name}`, digits.slice(0, 9)),
      ...textNeedlesOf(`the end of ${name}`, digits.slice(-9)),
    ]),
    ...contexts.flatMap(({ name, before, digits }) => contextNeedlesOf(name, before, digits)),
  ];
}
