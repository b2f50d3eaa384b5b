import { SecretBuffer } from '../../secrets/secret-buffer.ts';
import { JsonMistake, JsonStream, type JsonSink } from './json-stream.ts';

/** Bytes of UTF-8 that the value of a member may have. What was keyed, and what is public. */
const CAPACITIES = {
  cardnumber: 19,
  cvv: 4,
  expiry_month: 2,
  expiry_year: 4,
  postal_code: 16,
  method: 16,
  transaction_id: 128,
  amount: 32,
  currency_code: 3,
  description: 1020, // 255 characters
  'parameters/reference': 1020,
  'parameters/customer_reference': 1020,
  'parameters/mode': 8,
} as const;

export type MemberName = keyof typeof CAPACITIES;

/** Members of a bank account: that they came is told, what they hold is not. */
const BANK_MEMBERS: readonly string[] = ['bankaccountnumber', 'routingnumber'];
const PARAMETERS = 'parameters';

/** No member of ours has a longer name. */
const LONGEST_NAME = 40;

/** One request of a voice platform needs less than 2 KiB. */
const LONGEST_BODY_BYTES = 16 * 1024;
/** Of a longer one the connection is given up instead. */
const MOST_WIPED_BYTES = 256 * 1024;

/** The request cannot be read; `code` is one of the connector's contract. */
export class MemberMistake extends Error {
  readonly code: string;

  constructor(code: string) {
    super('the request cannot be read');
    this.name = 'MemberMistake';
    this.code = code;
  }
}

/**
 * The members of a connector's request, each in secret memory of its own, public or not. A member that is null or an
 * empty text counts as left out; those that are not known are passed over, as voice platforms send some of their own.
 * `using` wipes them all.
 */
export class ConnectorMembers implements JsonSink, Disposable {
  readonly #values = new Map<MemberName, SecretBuffer>();
  readonly #name = new SecretBuffer(LONGEST_NAME);
  readonly #seen = new Set<string>();
  readonly #json = new JsonStream(this);
  #nameIsLong = false;
  #inName = false;
  #bank = false;
  #inParameters = false;
  /** The member whose value comes next; undefined for one that is passed over. */
  #member: string | undefined;

  /**
   * Reads a body and wipes its pieces, those after a mistake too, up to a limit. Throws `MemberMistake` or `JsonMistake`.
   */
  async read(body: AsyncIterable<Uint8Array>): Promise<void> {
    let length = 0;
    let mistake: Error | undefined;
    for await (const piece of body) {
      length += piece.length;
      try {
        if (length > LONGEST_BODY_BYTES) throw new MemberMistake('request_too_long');
        if (mistake === undefined) this.#json.write(piece);
      } catch (error) {
        if (!(error instanceof MemberMistake || error instanceof JsonMistake)) throw error;
        mistake ??= error;
      } finally {
        piece.fill(0);
      }
      if (length > MOST_WIPED_BYTES) break;
    }
    if (mistake !== undefined) throw mistake;
    this.#json.end();
  }

  /** Whether there is anything of a bank account. */
  get bank(): boolean {
    return this.#bank;
  }

  get(name: MemberName): SecretBuffer | undefined {
    const value = this.#values.get(name);
    return value === undefined || value.length === 0 ? undefined : value;
  }

  [Symbol.dispose](): void {
    this.#name.wipe();
    for (const value of this.#values.values()) value.wipe();
  }

  beginText(kind: 'name' | 'value', depth: number): void {
    const isOurs = depth === 1 || (depth === 2 && this.#inParameters);
    this.#inName = kind === 'name' && isOurs;
    if (kind === 'name' || !isOurs) this.#member = undefined;
    if (this.#inName) {
      this.#name.clear();
      this.#nameIsLong = false;
    }
    const name = this.#member;
    if (isMemberName(name)) this.#values.set(name, new SecretBuffer(CAPACITIES[name]));
  }

  byte(byte: number): void {
    if (this.#inName) {
      if (this.#name.length === LONGEST_NAME) this.#nameIsLong = true;
      else this.#name.append(byte);
      return;
    }
    const name = this.#member;
    if (name !== undefined && BANK_MEMBERS.includes(name)) this.#bank = true;
    if (!isMemberName(name)) return;
    const value = this.#values.get(name);
    if (value === undefined) return;
    if (value.length === value.capacity) throw malformed(name);
    value.append(byte);
  }

  endText(): void {
    if (this.#inName) {
      this.#inName = false;
      this.#member = this.#nameIsLong ? undefined : this.#takeName();
      return;
    }
    this.#member = undefined;
  }

  value(kind: 'null' | 'number' | 'boolean' | 'object' | 'array', depth: number): void {
    const name = this.#member;
    this.#member = undefined;
    if (name === PARAMETERS && depth === 1) {
      if (kind === 'object') this.#inParameters = true;
      else if (kind !== 'null') throw malformed(PARAMETERS);
      return;
    }
    if (name !== undefined && BANK_MEMBERS.includes(name) && kind !== 'null') this.#bank = true;
    // Anything but a text would have to be one: a number may have lost its leading zeros.
    if (isMemberName(name) && kind !== 'null') throw malformed(name);
  }

  leave(depth: number): void {
    if (depth === 1) this.#inParameters = false;
  }

  /** The name of a member of ours; undefined for any other, which is never made a text. */
  #takeName(): string | undefined {
    const known = this.#inParameters ? PARAMETER_NAMES : NAMES;
    const found = this.#name.use((bytes) => known.find(({ spelled }) => spelled.equals(bytes)))?.name;
    if (found === undefined) return undefined;
    if (this.#seen.has(found)) throw new MemberMistake('member_repeated');
    this.#seen.add(found);
    return found;
  }
}

interface KnownName {
  readonly name: string;
  readonly spelled: Buffer;
}

const MEMBERS = Object.keys(CAPACITIES);
const known = (name: string, spelled: string): KnownName => ({ name, spelled: Buffer.from(spelled) });
const NAMES: readonly KnownName[] = [
  ...MEMBERS.filter((name) => !name.includes('/')),
  ...BANK_MEMBERS,
  PARAMETERS,
].map((name) => known(name, name));
const PARAMETER_NAMES: readonly KnownName[] = MEMBERS.filter((name) => name.includes('/')).map((name) =>
  known(name, name.slice(PARAMETERS.length + 1)),
);

function isMemberName(name: string | undefined): name is MemberName {
  return name !== undefined && Object.hasOwn(CAPACITIES, name);
}

function malformed(name: string): MemberMistake {
  return new MemberMistake(`${name.replace('/', '_')}_invalid`);
}
