import { afterAll, beforeAll, expect, test } from 'vitest';
import { STYLE_DIGEST } from '../../../src/http/reference/page.ts';
import { CONTRACT, createTestHttp, type TestHttp } from '../../support/http.ts';

let http: TestHttp;

beforeAll(async () => {
  http = await createTestHttp();
});

afterAll(async () => await http.close());

test('/openapi.json is the contract, to anyone', async () => {
  const answer = await http.server.inject({ url: '/openapi.json' });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.json()).toEqual(CONTRACT.document);
});

test('/reference is a page that may load and run nothing', async () => {
  const answer = await http.server.inject({ url: '/reference' });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(answer.headers['content-security-policy']).toBe(
    `default-src 'none'; style-src '${STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  expect(answer.headers['x-content-type-options']).toBe('nosniff');
  expect(answer.body).toMatch(/^<!doctype html>.*createCapture.*<\/html>$/s);
});
