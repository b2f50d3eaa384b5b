/** RFC 8259, byte by byte: what is said of a text is told as it comes, and nothing of it is kept here. */
export interface JsonSink {
  /** A member's name, or a value that is a text, begins. `depth` is 1 for the members of the outermost object. */
  beginText(kind: 'name' | 'value', depth: number): void;
  /** One byte of UTF-8, escapes undone. */
  byte(byte: number): void;
  endText(): void;
  /** A value that is no text. */
  value(kind: 'null' | 'number' | 'boolean' | 'object' | 'array', depth: number): void;
  /** An object or a list, the value of the member before it, is over. */
  leave(depth: number): void;
}

/** The bytes are no JSON object, or one that is nested too deep. */
export class JsonMistake extends Error {
  constructor() {
    super('the bytes are no JSON object');
    this.name = 'JsonMistake';
  }
}

const DEEPEST = 8;

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const SPACES: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
const ESCAPES: Readonly<Record<number, number>> = {
  0x22: 0x22,
  0x5c: 0x5c,
  0x2f: 0x2f,
  0x62: 0x08,
  0x66: 0x0c,
  0x6e: 0x0a,
  0x72: 0x0d,
  0x74: 0x09,
};
const WORDS = ['null', 'true', 'false'] as const;

/** Where a number may be, section 6, and what may come next; a number may end in those that `ENDS` has. */
type NumberState = 'minus' | 'zero' | 'whole' | 'point' | 'fraction' | 'e' | 'sign' | 'exponent';
const DIGIT: Readonly<Record<NumberState, NumberState | undefined>> = {
  minus: 'whole',
  zero: undefined,
  whole: 'whole',
  point: 'fraction',
  fraction: 'fraction',
  e: 'exponent',
  sign: 'exponent',
  exponent: 'exponent',
};
const ENDS: readonly NumberState[] = ['zero', 'whole', 'fraction', 'exponent'];

/** Between texts, words and numbers: what may come next. */
type Between = 'start' | 'first_name' | 'name' | 'colon' | 'value' | 'first_item' | 'after_value' | 'end';
type State = Between | 'text' | 'escape' | 'hex' | 'word' | 'number';

/** Reads one JSON object in pieces of any size. Every method throws `JsonMistake` for what is none. */
export class JsonStream {
  readonly #sink: JsonSink;
  /** Whether each container that is open is an object. */
  readonly #open: boolean[] = [];
  #state: State = 'start';
  #inName = false;
  #hexLeft = 0;
  #unit = 0;
  /** The first half of a surrogate pair; 0 for none. */
  #high = 0;
  /** Of a word: which, and how much of it has come. */
  #word: (typeof WORDS)[number] = 'null';
  #wordRead = 0;
  /** Only its shape: a number may be one that was keyed. */
  #number: NumberState = 'minus';

  constructor(sink: JsonSink) {
    this.#sink = sink;
  }

  write(bytes: Uint8Array): void {
    for (const byte of bytes) this.#take(byte);
  }

  end(): void {
    if (this.#state !== 'end') throw new JsonMistake();
  }

  #take(byte: number): void {
    const state = this.#state;
    if (state === 'text') this.#inText(byte);
    else if (state === 'escape') this.#afterBackslash(byte);
    else if (state === 'hex') this.#hex(byte);
    else if (state === 'word') this.#inWord(byte);
    else if (state === 'number') this.#inNumber(byte);
    else if (!SPACES.includes(byte)) this.#structure(byte, state);
  }

  #structure(byte: number, state: Between): void {
    const text = String.fromCharCode(byte);
    switch (state) {
      case 'start':
        if (text !== '{') throw new JsonMistake();
        this.#enter(true);
        return;
      case 'first_name':
      case 'name':
        if (byte === QUOTE) this.#beginText('name');
        else if (text === '}' && state === 'first_name') this.#leave(true);
        else throw new JsonMistake();
        return;
      case 'colon':
        if (text !== ':') throw new JsonMistake();
        this.#state = 'value';
        return;
      case 'first_item':
        if (text === ']') this.#leave(false);
        else this.#beginValue(byte, text);
        return;
      case 'value':
        this.#beginValue(byte, text);
        return;
      case 'after_value':
        this.#afterValue(text);
        return;
      case 'end':
        throw new JsonMistake();
    }
  }

  #beginValue(byte: number, text: string): void {
    if (byte === QUOTE) {
      this.#beginText('value');
    } else if (text === '{' || text === '[') {
      this.#sink.value(text === '{' ? 'object' : 'array', this.#open.length);
      this.#enter(text === '{');
    } else if (text === '-' || isDigit(byte)) {
      this.#number = text === '-' ? 'minus' : text === '0' ? 'zero' : 'whole';
      this.#state = 'number';
    } else {
      const word = WORDS.find((each) => each.startsWith(text));
      if (word === undefined) throw new JsonMistake();
      this.#word = word;
      this.#wordRead = 1;
      this.#state = 'word';
    }
  }

  #afterValue(text: string): void {
    const inObject = this.#open.at(-1);
    if (text === ',') this.#state = inObject === true ? 'name' : 'value';
    else if (text === '}' && inObject === true) this.#leave(true);
    else if (text === ']' && inObject === false) this.#leave(false);
    else throw new JsonMistake();
  }

  #enter(isObject: boolean): void {
    if (this.#open.length === DEEPEST) throw new JsonMistake();
    this.#open.push(isObject);
    this.#state = isObject ? 'first_name' : 'first_item';
  }

  #leave(isObject: boolean): void {
    if (this.#open.pop() !== isObject) throw new JsonMistake();
    this.#state = this.#open.length === 0 ? 'end' : 'after_value';
    if (this.#open.length > 0) this.#sink.leave(this.#open.length);
  }

  #beginText(kind: 'name' | 'value'): void {
    this.#inName = kind === 'name';
    this.#high = 0;
    this.#state = 'text';
    this.#sink.beginText(kind, this.#open.length);
  }

  #inText(byte: number): void {
    if (byte === BACKSLASH) {
      this.#state = 'escape';
      return;
    }
    if (this.#high !== 0 || byte < 0x20) throw new JsonMistake();
    if (byte !== QUOTE) {
      this.#sink.byte(byte);
      return;
    }
    this.#state = this.#inName ? 'colon' : 'after_value';
    this.#sink.endText();
  }

  #afterBackslash(byte: number): void {
    if (byte === 0x75) {
      this.#hexLeft = 4;
      this.#unit = 0;
      this.#state = 'hex';
      return;
    }
    const plain = ESCAPES[byte];
    if (plain === undefined || this.#high !== 0) throw new JsonMistake();
    this.#sink.byte(plain);
    this.#state = 'text';
  }

  #hex(byte: number): void {
    const digit = hexValue(byte);
    if (digit === undefined) throw new JsonMistake();
    this.#unit = this.#unit * 16 + digit;
    this.#hexLeft -= 1;
    if (this.#hexLeft > 0) return;
    this.#state = 'text';
    this.#codeUnit(this.#unit);
  }

  /** Section 7: a character outside the basic plane is two escapes. */
  #codeUnit(unit: number): void {
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow !== (this.#high !== 0)) throw new JsonMistake();
    if (unit >= 0xd800 && unit <= 0xdbff) {
      this.#high = unit;
      return;
    }
    const code = isLow ? 0x10000 + ((this.#high - 0xd800) << 10) + (unit - 0xdc00) : unit;
    this.#high = 0;
    writeUtf8(code, (byte) => this.#sink.byte(byte));
  }

  #inWord(byte: number): void {
    if (byte !== this.#word.charCodeAt(this.#wordRead)) throw new JsonMistake();
    this.#wordRead += 1;
    if (this.#wordRead < this.#word.length) return;
    this.#state = 'after_value';
    this.#sink.value(this.#word === 'null' ? 'null' : 'boolean', this.#open.length);
  }

  #inNumber(byte: number): void {
    const next = this.#nextOfNumber(byte);
    if (next !== undefined) {
      this.#number = next;
      return;
    }
    if (!ENDS.includes(this.#number)) throw new JsonMistake();
    this.#state = 'after_value';
    this.#sink.value('number', this.#open.length);
    if (!SPACES.includes(byte)) this.#structure(byte, 'after_value');
  }

  #nextOfNumber(byte: number): NumberState | undefined {
    const state = this.#number;
    if (isDigit(byte)) return state === 'minus' && byte === 0x30 ? 'zero' : DIGIT[state];
    const text = String.fromCharCode(byte);
    if (text === '.') return state === 'zero' || state === 'whole' ? 'point' : undefined;
    if (text === 'e' || text === 'E') return ENDS.includes(state) && state !== 'exponent' ? 'e' : undefined;
    return (text === '+' || text === '-') && state === 'e' ? 'sign' : undefined;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function hexValue(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}

/** RFC 3629, section 3. */
function writeUtf8(code: number, write: (byte: number) => void): void {
  if (code < 0x80) {
    write(code);
    return;
  }
  const trailing = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const lead = [0, 0xc0, 0xe0, 0xf0][trailing] ?? 0;
  write(lead | (code >> (6 * trailing)));
  for (let left = trailing - 1; left >= 0; left -= 1) write(0x80 | ((code >> (6 * left)) & 0x3f));
}
