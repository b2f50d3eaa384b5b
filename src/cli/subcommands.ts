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

  /** Every word of every time that the option was given. */
  words(name: string): string[] {
    const value = this.#values[name];
    const texts: unknown[] = Array.isArray(value) ? value : [value];
    return texts
      .filter((text) => typeof text === 'string')
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

export class MissingOption extends Error {
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

/** Undefined when the arguments are not those options. */
export function parseOptions(
  { options }: Pick<Subcommand, 'options'>,
  args: readonly string[],
): Options | undefined {
  try {
    return new Options(parseArgs({ args: [...args], options }).values);
  } catch {
    return undefined;
  }
}

/** Runs one of several commands; the exit code. Anything that is not in the usage prints it and is 2. */
export async function runSubcommand(
  usage: string,
  commands: Readonly<Record<string, Subcommand>>,
  args: readonly string[],
): Promise<number> {
  const [name = '', ...rest] = args;
  if (args.some((arg) => ['--help', '-h', 'help'].includes(arg))) {
    process.stdout.write(usage);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const options = command && parseOptions(command, rest);
  if (command === undefined || options === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  try {
    const result = await command.run(options);
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof MissingOption)) throw error;
    process.stderr.write(`${error.message}\n${usage}`);
    return 2;
  }
}
