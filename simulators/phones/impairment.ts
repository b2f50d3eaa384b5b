import type { Impairments } from '../jambonz/media/contract.ts';
import type { Impair } from '../jambonz/media/leg-transport.ts';
import type { MediaClock } from '../jambonz/media/media-clock.ts';

/** Drops a packet with probability `packetLoss`; delays it evenly by 0 to `jitterMs`. Packets may overtake. */
export function createImpair(clock: MediaClock, random: () => number, impairments: Impairments = {}): Impair {
  const { packetLoss = 0, jitterMs = 0 } = impairments;
  if (!(packetLoss >= 0 && packetLoss <= 1)) throw new RangeError('packetLoss must be from 0 to 1');
  if (!(jitterMs >= 0 && jitterMs <= 1000)) throw new RangeError('jitterMs must be from 0 to 1000');
  return (deliver) => {
    if (packetLoss > 0 && random() < packetLoss) return;
    if (jitterMs > 0) clock.after(random() * jitterMs, deliver);
    else deliver();
  };
}
