/** G.711 to linear 16-bit, by the segments of ITU-T G.711 tables 1a (A-law) and 2a (µ-law). */

export type G711Law = 'PCMU' | 'PCMA';

const MU_LAW = Int16Array.from({ length: 256 }, (_, code) => muLaw(code));
const A_LAW = Int16Array.from({ length: 256 }, (_, code) => aLaw(code));

/** One sample a byte, 8 kHz. */
export function decodeG711(law: G711Law, payload: Uint8Array): Int16Array {
  const table = law === 'PCMU' ? MU_LAW : A_LAW;
  return Int16Array.from(payload, (code) => table[code] ?? 0);
}

function muLaw(code: number): number {
  // All bits are inverted on the line (G.711, table 2a, note 2).
  const bits = ~code & 0xff;
  const segment = (bits >> 4) & 7;
  // The decision levels are shifted by a bias of 33 in 14 bits, 132 in 16.
  const magnitude = (((bits & 0x0f) * 8 + 132) << segment) - 132;
  return (bits & 0x80) === 0 ? magnitude : -magnitude;
}

function aLaw(code: number): number {
  // Even bits are inverted on the line (G.711, table 1a, note 2).
  const bits = code ^ 0x55;
  const segment = (bits >> 4) & 7;
  const step = (bits & 0x0f) * 16 + 8;
  const magnitude = segment === 0 ? step : (step + 256) << (segment - 1);
  return (bits & 0x80) === 0 ? -magnitude : magnitude;
}
