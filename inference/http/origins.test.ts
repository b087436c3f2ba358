import { expect, test } from 'vitest';
import { checkOrigins } from './origins.ts';

test('accepts origins as browsers send them, and refuses any other spelling', () => {
  const good = ['https://example.org', 'http://localhost:8080', '*'];
  expect(checkOrigins(good)).toEqual(good);
  expect(() => checkOrigins(['https://example.org/page'])).toThrow('Use https://example.org.');
  expect(() => checkOrigins(['https://Example.org:443'])).toThrow('Use https://example.org.');
  for (const text of ['example.org', '', 'null', 'file:///page.html']) {
    expect(() => checkOrigins([text])).toThrow(
      `${JSON.stringify(text)} is not a valid origin of a web page. Use one such`,
    );
  }
});
