import { parseArgs } from 'node:util';
import type { DtmfTransport } from '../jambonz/media/contract.ts';

export interface DemoOptions {
  readonly bridge: 'dial' | 'conference';
  readonly transport: DtmfTransport;
  readonly decline: boolean;
  readonly hold: boolean;
}

export const USAGE = `hushtone demo [--bridge dial|conference] [--transport rfc4733|info|tones|bleed] [--decline] [--hold]
  --bridge     dial runs the media through a real rtpengine, conference needs no system package;
               default: dial where rtpengine is installed
  --transport  how the caller's phone sends digits: events, SIP INFO, audible tones, or events with a tone
               lead; default rfc4733
  --decline    key a card that the provider declines
  --hold       connect the call and stay up, so that you can drive it with curl
`;

const BRIDGES = ['dial', 'conference'] as const;
const TRANSPORTS = ['rfc4733', 'info', 'tones', 'bleed'] as const;

/** Returns what is wrong as a sentence, `help`, or the options. */
export function readOptions(
  args: readonly string[],
  rtpengineInstalled: boolean,
): DemoOptions | 'help' | { readonly problem: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        bridge: { type: 'string', default: rtpengineInstalled ? 'dial' : 'conference' },
        transport: { type: 'string', default: 'rfc4733' },
        decline: { type: 'boolean', default: false },
        hold: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return 'help';
    const bridge = BRIDGES.find((name) => name === values.bridge);
    if (bridge === undefined) return { problem: `--bridge is ${BRIDGES.join(' or ')}` };
    const transport = TRANSPORTS.find((name) => name === values.transport);
    if (transport === undefined) return { problem: `--transport is one of ${TRANSPORTS.join(', ')}` };
    if (bridge === 'dial' && !rtpengineInstalled) {
      return {
        problem:
          'the dial bridge needs rtpengine: apt-get install rtpengine-daemon, or use --bridge conference',
      };
    }
    return { bridge, transport, decline: values.decline, hold: values.hold };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : 'the options cannot be read' };
  }
}
