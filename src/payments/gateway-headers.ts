/**
 * Headers that say how a request is framed, where it goes and how its body is to be read (RFC 9110, sections 7 and 8;
 * RFC 9112): those are the gateway's, and no configuration sets one, in whatever case. In lower case.
 */
export const GATEWAY_HEADERS: readonly string[] = [
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
