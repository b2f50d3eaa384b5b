/** All audio here is 8 kHz signed 16-bit linear, mono. */
export const SAMPLE_RATE_HZ = 8000;

const FULL_SCALE = 32_768;

/** A sine of 0 dBm0 lies 3.17 dB below a full-scale sine (ITU-T G.711, µ-law). */
const FULL_SCALE_DBM0 = 3.17;

const FULL_SCALE_SINE_POWER = (FULL_SCALE * FULL_SCALE) / 2;

/** dBFS of a mean square in 16-bit units; 0 dBFS is a full-scale sine. Silence is −Infinity. */
export function dbfsOf(meanSquare: number): number {
  return 10 * Math.log10(meanSquare / FULL_SCALE_SINE_POWER);
}

/** Mean square, in 16-bit units, of a level relative to a full-scale sine. */
export function powerOfDbfs(dbfs: number): number {
  return FULL_SCALE_SINE_POWER * 10 ** (dbfs / 10);
}

/** Mean square, in 16-bit units, of a telephone level. */
export function powerOfDbm0(dbm0: number): number {
  return powerOfDbfs(dbm0 - FULL_SCALE_DBM0);
}

/** A difference in decibels as a ratio of powers. */
export function powerRatio(decibels: number): number {
  return 10 ** (decibels / 10);
}
