import { HushtoneError } from '../kernel/errors.ts';

/** One setting that is missing, malformed or not allowed. Never holds the value of a secret. */
export interface ConfigProblem {
  /** The environment variable, or the command-line flag of Node. */
  readonly variable: string;
  readonly problem: string;
  /** What would be right. */
  readonly expected: string;
}

/** Every mistake in the settings at once, code `config_invalid`. The message names each variable. */
export class ConfigError extends HushtoneError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ variable, problem, expected }) => `  ${variable}: ${problem}; expected ${expected}`,
    );
    const count = problems.length === 1 ? '1 setting is' : `${problems.length} settings are`;
    super('config_invalid', 'invalid', `${count} not right:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
