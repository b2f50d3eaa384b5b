import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Secret } from '../secrets/secret.ts';
import type { NamedFile } from './config.ts';
import type { ConfigProblem } from './config-error.ts';
import { isDevelopmentMaterial } from './development-material.ts';
import { expectedOf, SETTINGS, type Setting, type SettingName } from './settings.ts';

type NameOfKind<K extends Setting['kind']> = {
  [N in SettingName]: (typeof SETTINGS)[N]['kind'] extends K ? N : never;
}[SettingName];

type ChoiceOf<N extends NameOfKind<'choice'>> = (typeof SETTINGS)[N]['choices'][number];

/** The largest file that a setting may name: a certificate chain or a table of routes is far smaller. */
const LARGEST_FILE_BYTES = 1024 * 1024;

/** Shown of a wrong value, so that a mistyped one is found without flooding the terminal. */
const SHOWN_CHARACTERS = 60;

function shown(value: string): string {
  return JSON.stringify(value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value);
}

/**
 * Reads single settings and collects what is wrong with them instead of stopping at the first. What a method returns
 * for a wrong value only stands in for it: the caller must look at `problems` before it uses anything.
 */
export class SettingReader {
  readonly problems: ConfigProblem[] = [];
  readonly files: NamedFile[] = [];
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  report(name: SettingName, problem: string, expected: string = expectedOf(name)): void {
    this.problems.push({ variable: name, problem, expected });
  }

  /** Is it set? An empty value counts as none: that is what an unset variable of a compose file becomes. */
  has(name: SettingName): boolean {
    return this.#value(name) !== undefined;
  }

  missing(name: SettingName, when: string): void {
    this.report(name, `is missing (required ${when})`);
  }

  text(name: NameOfKind<'text' | 'list' | 'json'>, pattern?: RegExp): string | undefined {
    const value = this.#valueOrDefault(name);
    if (value !== undefined && pattern !== undefined && !pattern.test(value)) {
      this.report(name, `${shown(value)} is not of the right form`);
    }
    return value;
  }

  integer(name: NameOfKind<'integer'>): number {
    const { minimum, maximum } = SETTINGS[name];
    const value = this.#valueOrDefault(name) ?? '';
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= minimum && number <= maximum)) {
      this.report(name, `${shown(value)} is not a whole number from ${minimum} to ${maximum}`);
    }
    return number;
  }

  /** For a setting whose default depends on others, `fallback`. */
  choice<N extends NameOfKind<'choice'>>(name: N, fallback?: ChoiceOf<N>): ChoiceOf<N> {
    const { choices } = SETTINGS[name];
    const value = this.#value(name) ?? fallback ?? (SETTINGS[name] as Setting).default ?? '';
    if (!(choices as readonly string[]).includes(value)) {
      this.report(name, `${shown(value)} is not one of the choices`);
    }
    return value as ChoiceOf<N>;
  }

  secret(name: NameOfKind<'secret'>, pattern: RegExp): Secret | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (!pattern.test(value)) this.report(name, 'is not of the right form (its value is not shown)');
    return new Secret(value);
  }

  /** Without query, fragment, user and password; nothing of it may be a secret. */
  url(name: NameOfKind<'url'>, protocols: readonly string[]): URL | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || !protocols.includes(url.protocol) || url.hostname === '') {
      this.report(name, `${url?.password ? 'the URL' : shown(value)} is not such a URL`);
      return undefined;
    }
    if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
      this.report(name, 'the URL has a query, a fragment or credentials');
      return undefined;
    }
    return url;
  }

  /** The content of the file that the setting names. */
  file(name: NameOfKind<'file'>): string | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : this.#read(name, resolve(value));
  }

  /** The content of the files that a list with commas names. */
  fileList(name: NameOfKind<'list'>): { readonly path: string; readonly text: string }[] {
    const paths = (this.#value(name) ?? '').split(',').map((item) => item.trim());
    return paths
      .filter((path) => path !== '')
      .flatMap((named) => {
        const path = resolve(named);
        const text = this.#read(name, path);
        return text === undefined ? [] : [{ path, text }];
      });
  }

  #read(name: SettingName, path: string): string | undefined {
    try {
      const found = statSync(path);
      if (!found.isFile() || found.size > LARGEST_FILE_BYTES) {
        this.report(name, `${path} is not a file of at most ${LARGEST_FILE_BYTES} bytes`);
        return undefined;
      }
      const text = readFileSync(path, 'utf8');
      this.files.push({ variable: name, path, development: isDevelopmentMaterial(text) });
      return text;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      this.report(name, `${path} cannot be read (${code})`);
      return undefined;
    }
  }

  #value(name: SettingName): string | undefined {
    const value = this.#env[name];
    return value === '' ? undefined : value;
  }

  #valueOrDefault(name: SettingName): string | undefined {
    const setting: Setting = SETTINGS[name];
    return this.#value(name) ?? setting.default;
  }
}
