import { parseArgs, type ParseArgsConfig } from 'node:util';

/** `values` as `parseArgs` of Node gives them: text, a list of texts for `multiple`, or whether a flag is there. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** Throws `MissingOption`. */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw new MissingOption(name);
    return value;
  }

  /** What was given, each time that the option was. */
  texts(name: string): string[] {
    const value = this.#values[name];
    const texts: unknown[] = Array.isArray(value) ? value : [value];
    return texts.filter((text) => typeof text === 'string');
  }

  /** Every word of every time that the option was given. */
  words(name: string): string[] {
    return this.texts(name)
      .flatMap((text) => text.split(/[\s,]+/))
      .filter((word) => word !== '');
  }

  /** The words of `name`, or none with the flag `--any`: nothing is opened because an option was forgotten. */
  wordsOrAny(name: string): string[] {
    const words = this.words(name);
    if (words.length === 0 && !this.flag('any')) throw new MissingOption(`${name} or --any`);
    return words;
  }

  number(name: string, otherwise: number): number {
    const text = this.text(name);
    return text === undefined ? otherwise : Number(text);
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }
}

/** What was typed does not fit the usage. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export class MissingOption extends UsageError {
  constructor(name: string) {
    super(`--${name} is missing`);
    this.name = 'MissingOption';
  }
}

export interface Subcommand {
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** What it found or did; written to standard output as JSON. */
  run(options: Options): Promise<unknown>;
}

/** Throws `UsageError` when the arguments are not those options. */
export function parseOptions({ options }: Pick<Subcommand, 'options'>, args: readonly string[]): Options {
  try {
    return new Options(parseArgs({ args: [...args], options }).values);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the options are not right');
  }
}

export const asksForHelp = (args: readonly string[]): boolean =>
  args[0] === 'help' || args.some((arg) => arg === '--help' || arg === '-h');

/** Throws `UsageError` when there is none of this name. */
export function findCommand<T>(commands: Readonly<Record<string, T>>, name: string): T {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command;
  throw new UsageError(name === '' ? 'which command?' : `there is no command ${name}`);
}

/** Runs `work`; what was typed wrong is told, before the usage, on standard error, and the exit code is then 2. */
export async function explainUsage(usage: string, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n${usage}`);
    return 2;
  }
}

/** Runs one of several commands; the exit code. Anything that is not in the usage is told with it and is 2. */
export async function runSubcommand(
  usage: string,
  commands: Readonly<Record<string, Subcommand>>,
  args: readonly string[],
): Promise<number> {
  const [name = '', ...rest] = args;
  if (asksForHelp(args)) {
    process.stdout.write(usage);
    return 0;
  }
  return await explainUsage(usage, async () => {
    const command = findCommand(commands, name);
    const result = await command.run(parseOptions(command, rest));
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return 0;
  });
}
