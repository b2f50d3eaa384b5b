import type { Reach } from '../../kernel/reach.ts';
import type { Role } from '../../kernel/roles.ts';

/** Who asks: what decides over access, and what the record tells. */
export interface Actor {
  readonly accountId: string;
  readonly subject: string;
  readonly clientId: string;
  readonly roles: readonly Role[];
  readonly scopes: ReadonlySet<string>;
  /** How far this request may go, as the table of operations and roles has it. Empty: nowhere. */
  readonly reach: readonly Reach[];
  /** Whether whole telephone numbers may be shown. */
  readonly numbersVisible?: boolean;
  /** The capture grant that stands behind the request. */
  readonly grantId?: string;
  /** Where the request came from. */
  readonly address?: string;
  readonly requestId?: string;
}
