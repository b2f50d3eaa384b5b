import { isIP } from 'node:net';
import { parseAddressBlock } from './address-blocks.ts';
import type { AddressBlock, Config } from './config.ts';
import type { SettingReader } from './setting-reader.ts';

const ENGINE_VERSION = /^(?:mr)?\d{1,3}\.\d{1,3}[\w.~+-]{0,64}$/;

export function readRtpengine(reader: SettingReader, bridge: string): Config['telephony']['rtpengine'] {
  const timeoutMs = reader.integer('RTPENGINE_TIMEOUT_MS');
  const url = reader.url('RTPENGINE_URL', ['udp:', 'tcp:']);
  const version = reader.text('RTPENGINE_VERSION', ENGINE_VERSION);
  const sentinelAddress = reader.text('SENTINEL_ADDRESS');
  if (sentinelAddress !== undefined && isIP(sentinelAddress) === 0) {
    reader.report('SENTINEL_ADDRESS', 'is no IP address');
  }
  const freeswitchMedia = readMediaAddresses(reader);
  if (bridge === 'dial') {
    if (!reader.has('RTPENGINE_URL')) reader.missing('RTPENGINE_URL', 'with `BRIDGE=dial`');
    if (!reader.has('FREESWITCH_MEDIA_ADDRESSES')) {
      reader.missing('FREESWITCH_MEDIA_ADDRESSES', 'with `BRIDGE=dial`');
    }
  }
  if (url === undefined) return undefined;
  if (url.port === '' || url.port === '0' || !['', '/'].includes(url.pathname)) {
    reader.report('RTPENGINE_URL', 'has no port, or a path');
  }
  return {
    protocol: url.protocol === 'tcp:' ? 'tcp' : 'udp',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port),
    timeoutMs,
    freeswitchMedia,
    ...(version !== undefined && { version }),
    ...(sentinelAddress !== undefined && { sentinelAddress }),
  };
}

function readMediaAddresses(reader: SettingReader): AddressBlock[] {
  const list = reader.text('FREESWITCH_MEDIA_ADDRESSES') ?? '';
  const items = list.split(',').map((item) => item.trim());
  const texts = items.filter((item) => item !== '');
  if (list !== '' && texts.length === 0) reader.report('FREESWITCH_MEDIA_ADDRESSES', 'holds no address');
  return texts.flatMap((text) => {
    const block = parseAddressBlock(text);
    if (block !== undefined) return [block];
    reader.report('FREESWITCH_MEDIA_ADDRESSES', `${JSON.stringify(text)} is no address or block`);
    return [];
  });
}
