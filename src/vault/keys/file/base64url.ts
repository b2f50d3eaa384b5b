import { SecretBuffer } from '../../../secrets/secret-buffer.ts';

/** RFC 4648, 5, without padding: each character stands for six bits. */
const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const BITS = 6;

/** Secret bytes as the bytes of their base64url text: the text is never a string, which nobody could wipe. */
export function encodeBase64url(secret: SecretBuffer): SecretBuffer {
  const text = new SecretBuffer(Math.max(Math.ceil((secret.length * 8) / BITS), 1));
  secret.use((bytes) => {
    let [held, bits] = [0, 0];
    const put = (sextet: number): void => text.append(ALPHABET[sextet] ?? 0);
    for (const byte of bytes) {
      held = (held << 8) | byte;
      bits += 8;
      while (bits >= BITS) {
        bits -= BITS;
        put((held >> bits) & 0x3f);
      }
      held &= (1 << bits) - 1;
    }
    if (bits > 0) put((held << (BITS - bits)) & 0x3f);
  });
  return text;
}

/**
 * The bytes that base64url text stands for; undefined when a character is none of the alphabet. Bits that are left over
 * at the end do not count.
 */
export function decodeBase64url(text: Uint8Array): SecretBuffer | undefined {
  const secret = new SecretBuffer(Math.max(Math.floor((text.length * BITS) / 8), 1));
  let [held, bits] = [0, 0];
  for (const character of text) {
    const sextet = ALPHABET.indexOf(character);
    if (sextet === -1) {
      secret.wipe();
      return undefined;
    }
    held = (held << BITS) | sextet;
    bits += BITS;
    if (bits < 8) continue;
    bits -= 8;
    secret.append((held >> bits) & 0xff);
    held &= (1 << bits) - 1;
  }
  return secret;
}
