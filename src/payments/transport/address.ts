import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** Whether the URL names an IP address, and one that may not be connected to: Node looks such a host up nowhere. */
export function isForbiddenLiteral(url: URL, allow: (address: string) => boolean): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) !== 0 && !allow(host);
}

/**
 * Node's own lookup, with the addresses left out that may not be connected to. The connection goes to what this has
 * found, so that a name cannot mean another address a moment later (DNS rebinding).
 */
export function guardedLookup(allow: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const allowed = found.filter(({ address }) => allow(address));
      const [first] = allowed;
      if (first === undefined) callback(new Error('no address that may be connected to'), []);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
