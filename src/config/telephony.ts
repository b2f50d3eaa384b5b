import { Secret } from '../secrets/secret.ts';
import type { Config } from './config.ts';
import { HOST, readPort } from './listener.ts';
import { readRtpengine } from './rtpengine.ts';
import type { SettingReader } from './setting-reader.ts';
import { withoutTrailingSlash } from './url-text.ts';

/** RFC 7617 section 2: a user name with a colon cannot be told from the password. */
const USERNAME = /^[^:]{1,255}$/;
const PASSWORD = /^\S{1,255}$/;

/** Stands in for a value that was reported, and never leaves this file. */
const NOTHING = new Secret('');

export function readTelephony(reader: SettingReader, production: boolean): Config['telephony'] {
  const bridge = reader.choice('BRIDGE');
  const listenUrl = reader.url('LISTEN_URL', ['ws:', 'wss:']);
  const username = reader.text('JAMBONZ_USERNAME', USERNAME);
  const password = reader.secret('JAMBONZ_PASSWORD', PASSWORD);
  if (username === undefined) reader.missing('JAMBONZ_USERNAME', 'always');
  if (password === undefined) reader.missing('JAMBONZ_PASSWORD', 'always');
  const rtpengine = readRtpengine(reader, bridge);
  return {
    host: reader.text('TELEPHONY_HOST', HOST) ?? '',
    port: readPort(reader, 'TELEPHONY_PORT', production),
    ...(listenUrl !== undefined && { listenUrl: withoutTrailingSlash(listenUrl) }),
    username: username ?? '',
    password: password ?? NOTHING,
    bridge,
    agentTimeoutSeconds: reader.integer('AGENT_TIMEOUT_SECONDS'),
    ...(rtpengine !== undefined && { rtpengine }),
  };
}
