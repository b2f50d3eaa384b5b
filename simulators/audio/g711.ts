/**
 * ITU-T G.711 with linear samples scaled to 16 bits. One table a direction: encoding and decoding are look-ups.
 * µ-law works on 14 bits (G.711 table 2), A-law on 13 bits (table 1); both are shifted to the top of 16 bits.
 */

const MU_LAW_BIAS = 33 << 2;
const MU_LAW_LARGEST = 32_635;

function decodeMuLawByte(code: number): number {
  const inverted = ~code & 0xff;
  const segment = (inverted >> 4) & 0x07;
  const interval = inverted & 0x0f;
  const magnitude = (((interval << 3) + MU_LAW_BIAS) << segment) - MU_LAW_BIAS;
  return (inverted & 0x80) === 0 ? magnitude : -magnitude;
}

function encodeMuLawSample(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const biased = Math.min(Math.abs(sample), MU_LAW_LARGEST) + MU_LAW_BIAS;
  const segment = 31 - Math.clz32(biased) - 7;
  const interval = (biased >> (segment + 3)) & 0x0f;
  return ~(sign | (segment << 4) | interval) & 0xff;
}

/** Every other bit of an A-law octet is inverted on the line (G.711 section 3.2). */
const A_LAW_EVEN_BITS = 0x55;

function decodeALawByte(code: number): number {
  const value = code ^ A_LAW_EVEN_BITS;
  const segment = (value >> 4) & 0x07;
  const interval = (value & 0x0f) << 4;
  const magnitude = segment === 0 ? interval + 8 : (interval + 0x108) << (segment - 1);
  return (value & 0x80) === 0 ? -magnitude : magnitude;
}

function encodeALawSample(sample: number): number {
  // A negative sample is taken as its one's complement, so that both signs have equal intervals.
  const magnitude = sample < 0 ? ~sample : sample;
  const sign = sample < 0 ? 0 : 0x80;
  const segment = Math.max(0, 31 - Math.clz32(magnitude) - 7);
  const interval = (magnitude >> (segment === 0 ? 4 : segment + 3)) & 0x0f;
  return (sign | (segment << 4) | interval) ^ A_LAW_EVEN_BITS;
}

function decodingTable(decode: (code: number) => number): Int16Array {
  return Int16Array.from({ length: 256 }, (_, code) => decode(code));
}

function encodingTable(encode: (sample: number) => number): Uint8Array {
  return Uint8Array.from({ length: 65_536 }, (_, index) => encode((index << 16) >> 16));
}

/** Linear value of each octet. */
export const MU_LAW_TO_LINEAR = decodingTable(decodeMuLawByte);
export const A_LAW_TO_LINEAR = decodingTable(decodeALawByte);

/** Octet of each linear sample, indexed by the sample's low 16 bits. */
export const LINEAR_TO_MU_LAW = encodingTable(encodeMuLawSample);
export const LINEAR_TO_A_LAW = encodingTable(encodeALawSample);

function encode(samples: Int16Array, table: Uint8Array): Uint8Array {
  const octets = new Uint8Array(samples.length);
  for (let index = 0; index < samples.length; index += 1) {
    octets[index] = table[(samples[index] ?? 0) & 0xffff] ?? 0;
  }
  return octets;
}

function decode(octets: Uint8Array, table: Int16Array): Int16Array {
  const samples = new Int16Array(octets.length);
  for (let index = 0; index < octets.length; index += 1) samples[index] = table[octets[index] ?? 0] ?? 0;
  return samples;
}

/** RTP payload type 0 (PCMU). */
export function encodeMuLaw(samples: Int16Array): Uint8Array {
  return encode(samples, LINEAR_TO_MU_LAW);
}

export function decodeMuLaw(octets: Uint8Array): Int16Array {
  return decode(octets, MU_LAW_TO_LINEAR);
}

/** RTP payload type 8 (PCMA). */
export function encodeALaw(samples: Int16Array): Uint8Array {
  return encode(samples, LINEAR_TO_A_LAW);
}

export function decodeALaw(octets: Uint8Array): Int16Array {
  return decode(octets, A_LAW_TO_LINEAR);
}
