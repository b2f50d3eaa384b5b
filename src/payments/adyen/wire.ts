/** A published type as it is on the wire: enumerations are their texts, dates are texts, methods are not there. */
export type Wire<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Date
      ? string
      : T extends readonly (infer Item)[]
        ? Wire<Item>[]
        : { [Member in keyof T]: Wire<T[Member]> };
