import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

/** The path prefix of the endpoint at the gateway. */
const STAGE = '/prod';

/** What a gateway says to a request without a key, and to one without a signature. */
const refusals = {
  key: { status: 403, code: 'invalid-api-key', detail: 'Missing or invalid API key.' },
  signature: { status: 403, code: 'unsigned', detail: 'The request is not signed.', hint: 'Sign it.' },
};

/**
 * A stand-in for API Gateway: it has a stage, and requires an API key to classify, or a signature, which it does not check.
 * Without it the answer is that which API Gateway is configured for (`infra/classify/problem-responses.ts`).
 */
export async function withGateway<Result>(
  endpoint: string,
  required: { readonly key: string } | 'signature',
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const gateway = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming;
    const isSigned = headers.authorization?.startsWith('AWS4-HMAC-SHA256 ') ?? false;
    const isAllowed = required === 'signature' ? isSigned : headers['x-api-key'] === required.key;
    if (method === 'POST' && !isAllowed) {
      incoming.resume();
      outgoing.writeHead(403, { 'content-type': 'application/problem+json' });
      outgoing.end(JSON.stringify(required === 'signature' ? refusals.signature : refusals.key));
      return;
    }
    const path = url.startsWith(STAGE) ? url.slice(STAGE.length) : undefined;
    if (path === undefined) return void outgoing.writeHead(404).end();
    const passed = request(endpoint + (path || '/'), { method: method!, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  try {
    return await work(`http://127.0.0.1:${(gateway.address() as AddressInfo).port}${STAGE}`);
  } finally {
    gateway.closeAllConnections();
    await new Promise((resolve) => gateway.close(resolve));
  }
}

/**
 * Opens the page in a fresh browser context. The console must show no errors but those of failed requests: no exceptions, and
 * no violations of the content security policy.
 */
export async function withPage<Result>(
  browser: Browser,
  url: string,
  work: (page: Page) => Promise<Result>,
  options: BrowserContextOptions = {},
): Promise<Result> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(20_000);
  try {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error.stack)));
    page.on('console', (message) => {
      if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return;
      errors.push(message.text());
    });
    await page.goto(url);
    const result = await work(page);
    expect(errors).toEqual([]);
    return result;
  } finally {
    await context.close();
  }
}
