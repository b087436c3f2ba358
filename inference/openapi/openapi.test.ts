import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { withEndpoint } from '../app.fixture.ts';
import { createApp } from '../app.ts';
import type { LiveModels } from '../serving/live-models.ts';
import { openApiDocument } from './document.ts';

test('the document passes the linter', async () => {
  const config = await createConfig({
    extends: ['recommended-strict'],
    // Some routes have no invalid requests.
    rules: { 'operation-4xx-response': 'off' },
  });
  const problems = await lintFromString({ source: JSON.stringify(openApiDocument()), config });
  expect(problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`)).toEqual([]);
});

test('every route is described, and every description has a route', () => {
  const models = {} as LiveModels;
  const app = createApp({ models, log: () => {} });
  expect(app).toBeInstanceOf(Hono);
  const served = app.routes
    .filter(({ method }) => method === 'GET' || method === 'POST')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
  const described = Object.entries(openApiDocument().paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.toSorted()).toEqual([...new Set(served)].toSorted());
});

test('is served as JSON and as a page, without links to other hosts', () =>
  withEndpoint(async ({ url }) => {
    expect(await (await fetch(`${url}/openapi.json`)).json()).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
    const response = await fetch(`${url}/docs`);
    expect(response.headers.get('content-type')).toContain('text/html');
    const html = await response.text();
    for (const text of ['POST</b> <code>/classify</code>', 'corrupt-image', 'curl -F image=@one.png', 'id="Problem"']) {
      expect(html).toContain(text);
    }
    expect(html).not.toMatch(/(href|src)="(https?:|\/)/);
    expect(html).not.toContain('<script');
  }));

test('strict accepts exactly the values that the document lists', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const described = openApiDocument().paths['/classify']!.post!.parameters as { name: string; schema: unknown }[];
    const { schema } = described.find(({ name }) => name === 'strict')!;
    expect(schema).toEqual({ type: 'string', enum: ['0', '1', 'true', 'false', ''] });
    const body = readFileSync(new URL('../../images/fixtures/drawing.png', import.meta.url)); // Not the model's size.
    const statuses = (schema as { enum: string[] }).enum.map(async (word) => {
      return (await fetch(`${url}/classify?strict=${word}`, { method: 'POST', body })).status;
    });
    expect(await Promise.all(statuses)).toEqual([200, 422, 422, 200, 422]);
  }));
