/** What JSON can say. */
type RecordedValue = null | boolean | number | string | readonly RecordedValue[];

export interface RecordedObject {
  readonly [name: string]: RecordedValue | undefined;
}

/** One act on accounts, clients and tokens, for the audit trail of the account. Never holds a secret or its hash. */
export interface AccessRecord {
  readonly accountId: string;
  readonly actor: {
    readonly kind: 'client' | 'operator' | 'system';
    readonly clientId?: string;
    readonly subject?: string;
    readonly roles?: readonly string[];
  };
  readonly address?: string;
  readonly requestId?: string;
  readonly operation:
    | 'token.issue'
    | 'token.refused'
    | 'account.create'
    | 'account.update'
    | 'client.create'
    | 'client.update'
    | 'client.disable'
    | 'client.enable'
    | 'client.lock'
    | 'client.secret.create'
    | 'client.secret.revoke'
    | 'client.key.create'
    | 'client.key.revoke';
  readonly object: { readonly type: string; readonly id: string };
  readonly result: 'done' | 'refused' | 'failed';
  readonly reason?: string;
  readonly before?: RecordedObject;
  readonly after?: RecordedObject;
}
