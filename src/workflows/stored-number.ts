/** The row that a number belongs to: it cannot be read as that of another. */
export interface NumberOwner {
  readonly accountId: string;
  readonly callId: string;
}

/** A number as the row of a call has it. */
export interface StoredNumber {
  readonly sealed: Buffer;
  /** Equal for equal numbers of one account under one key, and for nobody else. */
  readonly index: Buffer;
}
