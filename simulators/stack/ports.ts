import { freeControlPort } from '../rtpengine/ports.ts';

/**
 * A loopback TCP port that is free now. For a server that must come back on the same port after it was killed, so
 * that "any free port" will not do. At random from those that the system never hands out by itself: two stacks that
 * start at the same moment do not get the same one.
 */
export async function freePort(): Promise<number> {
  return await freeControlPort('127.0.0.1');
}
