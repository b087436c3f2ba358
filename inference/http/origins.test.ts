import { expect, test } from 'vitest';
import { checkOrigins } from './origins.ts';

test('takes what browsers send, and nothing that they would never send', () => {
  const good = ['https://example.org', 'http://localhost:8080', '*'];
  expect(checkOrigins(good)).toEqual(good);
  expect(() => checkOrigins(['https://example.org/page'])).toThrow('Give https://example.org.');
  expect(() => checkOrigins(['https://Example.org:443'])).toThrow('Give https://example.org.');
  for (const text of ['example.org', '', 'null', 'file:///page.html']) {
    expect(() => checkOrigins([text])).toThrow(
      `${JSON.stringify(text)} is not the origin of a web page. Give one such`,
    );
  }
});
