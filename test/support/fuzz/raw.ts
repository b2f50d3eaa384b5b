import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { MARKER } from './hostile.ts';

/** Bytes that are nearly an HTTP request. `silent`: the server may close the connection without a word. */
export interface RawRequest {
  readonly bytes: string;
  readonly silent?: boolean;
}

const HOST = 'host: localhost\r\n';
const JSON_TYPE = 'content-type: application/json\r\n';

const request = (start: string, fields = '', body = ''): string => `${start}\r\n${fields}\r\n${body}`;
const get = (target: string, fields = HOST): string => request(`GET ${target} HTTP/1.1`, fields);
const post = (fields: string, body = ''): string =>
  request('POST /v1/captures HTTP/1.1', HOST + fields, body);

/** One for each rule of RFC 9110 and 9112 that a request can break. Those that are cut short end with the connection. */
const BROKEN: readonly RawRequest[] = [
  // Request lines.
  { bytes: request('', HOST), silent: true },
  { bytes: request(MARKER, HOST) },
  { bytes: request('GET', HOST) },
  { bytes: request('GET /', HOST) },
  { bytes: request('GET  /v1/calls  HTTP/1.1', HOST) },
  { bytes: request('get /v1/calls HTTP/1.1', HOST) },
  { bytes: request(`${MARKER.toUpperCase()} /v1/calls HTTP/1.1`, HOST) },
  { bytes: request('GET /v1/calls HTTP/0.9', HOST) },
  { bytes: request('GET /v1/calls HTTP/1.2', HOST) },
  { bytes: request('GET /v1/calls HTTP/3.0', HOST) },
  { bytes: request('GET /v1/calls HTTP/1.0', HOST) },
  { bytes: request('GET /v1/calls HTTP/1.0') },
  { bytes: request('GET /v1/calls RTSP/1.0', HOST) },
  { bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  { bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' },
  { bytes: '\0\0\0\0\r\n\r\n' },
  { bytes: get('*') },
  { bytes: request('OPTIONS * HTTP/1.1', HOST) },
  { bytes: request('CONNECT localhost:80 HTTP/1.1', HOST), silent: true },
  { bytes: get('http://localhost/v1/calls') },
  { bytes: get('http://169.254.169.254/v1/calls') },
  { bytes: get('//v1/calls') },
  { bytes: get('v1/calls') },
  { bytes: get('/v1/calls\0') },
  { bytes: get('/v1/\u00e9\u00ff') },
  { bytes: get('/v1/calls#x') },
  { bytes: get(`/${MARKER.repeat(4000)}`) },
  { bytes: get(`/${'%41'.repeat(4000)}`) },
  { bytes: get('/v1/../../etc/passwd') },
  { bytes: get('/%2e%2e/%2e%2e/etc/passwd') },
  { bytes: get('/v1/captures/%00') },
  { bytes: get('/v1/captures/%ff') },
  { bytes: get('/v1/captures/%') },
  // Header fields.
  { bytes: get('/v1/calls', '') },
  { bytes: get('/v1/calls', `${HOST}${HOST}`) },
  { bytes: get('/v1/calls', 'host: \r\n') },
  { bytes: get('/v1/calls', `host: ${MARKER}'--\r\n`) },
  { bytes: get('/v1/calls', `${HOST}no colon\r\n`) },
  { bytes: get('/v1/calls', `${HOST}: no name\r\n`) },
  { bytes: get('/v1/calls', `${HOST}a b: c\r\n`) },
  { bytes: get('/v1/calls', `${HOST}a : c\r\n`) },
  { bytes: get('/v1/calls', `${HOST} folded: 1\r\n`) },
  { bytes: get('/v1/calls', `${HOST}a: b\r\n c\r\n`) },
  { bytes: get('/v1/calls', `${HOST}a: b\0c\r\n`) },
  { bytes: get('/v1/calls', `${HOST}a: b\rc\r\n`) },
  { bytes: get('/v1/calls', `${HOST}a: ${MARKER.repeat(4000)}\r\n`) },
  { bytes: get('/v1/calls', HOST + Array.from({ length: 1500 }, (_, index) => `a${index}: 1\r\n`).join('')) },
  { bytes: get('/v1/calls', `${HOST}authorization: Bearer \r\n`) },
  { bytes: get('/v1/calls', `${HOST}authorization: Bearer a\r\nauthorization: Bearer b\r\n`) },
  { bytes: get('/v1/calls', `${HOST}authorization: Bearer ${'a'.repeat(9000)}\r\n`) },
  { bytes: get('/v1/calls', `${HOST}expect: ${MARKER}\r\n`) },
  { bytes: post(`${JSON_TYPE}expect: 100-continue\r\ncontent-length: 2\r\n`, '{}') },
  { bytes: get('/v1/calls', `${HOST}connection: upgrade\r\nupgrade: h2c\r\n`) },
  { bytes: get('/v1/calls', `${HOST}connection: upgrade\r\nupgrade: websocket\r\n`) },
  { bytes: get('/v1/calls', `${HOST}connection: ${MARKER}\r\n`) },
  { bytes: 'GET /v1/calls HTTP/1.1\nhost: localhost\n\n' },
  // Bodies.
  { bytes: post('content-length: -1\r\n') },
  { bytes: post('content-length: +2\r\n', '{}') },
  { bytes: post('content-length: 0x2\r\n', '{}') },
  { bytes: post('content-length: 2, 2\r\n', '{}') },
  { bytes: post('content-length: 99999999999999999999999\r\n', '{}') },
  { bytes: post('content-length: 2\r\ncontent-length: 3\r\n', '{} ') },
  { bytes: post(`content-length: 2\r\ntransfer-encoding: chunked\r\n`, '2\r\n{}\r\n0\r\n\r\n') },
  { bytes: post(`${JSON_TYPE}transfer-encoding: chunked\r\n`, 'zz\r\n{}\r\n0\r\n\r\n') },
  { bytes: post(`${JSON_TYPE}transfer-encoding: chunked\r\n`, '2\r\n{}\r\n0\r\n\r\n') },
  { bytes: post(`${JSON_TYPE}transfer-encoding: chunked\r\n`, `2;${MARKER}=1\r\n{}\r\n0\r\n\r\n`) },
  { bytes: post(`${JSON_TYPE}transfer-encoding: chunked\r\n`, 'ffffffffffffffff\r\n{}'), silent: true },
  { bytes: post(`${JSON_TYPE}transfer-encoding: chunked, chunked\r\n`, '2\r\n{}\r\n0\r\n\r\n') },
  { bytes: post(`${JSON_TYPE}transfer-encoding: gzip\r\n`, '{}') },
  { bytes: post(`${JSON_TYPE}transfer-encoding: ${MARKER}, chunked\r\n`, '2\r\n{}\r\n0\r\n\r\n') },
  { bytes: post(`${JSON_TYPE}content-encoding: gzip\r\ncontent-length: 2\r\n`, '{}') },
  { bytes: post(`${JSON_TYPE}content-length: 40000\r\n`, 'a'.repeat(40_000)) },
  { bytes: post(`${JSON_TYPE}content-length: 99999999\r\n`, '{}'), silent: true },
  { bytes: post(`${JSON_TYPE}content-length: 100\r\n`, '{}'), silent: true },
  { bytes: post(`${JSON_TYPE}content-length: 1\r\n`, '{}') },
];

/** Broken as the rules are, or with a byte or a few exchanged, put in or left out anywhere. */
export const rawRequests: Arbitrary<RawRequest> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...BROKEN) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        from: fc.constantFrom(...BROKEN),
        at: fc.nat(200),
        left: fc.nat(3),
        put: fc.string({
          unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCodePoint(code)),
          maxLength: 4,
        }),
      })
      .map(({ from: { bytes }, at, left, put }) => ({
        bytes: bytes.slice(0, at) + put + bytes.slice(at + left),
        silent: true,
      })),
  },
);

/** Each once, whatever the seed. */
export const EVERY_BROKEN_REQUEST = BROKEN;
