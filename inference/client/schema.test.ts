import { expect, test } from 'vitest';
import { generateSchema, writtenSchema } from './generate.ts';

test('the client has the types of the OpenAPI document as it is now', async () => {
  expect(writtenSchema(), 'run "npm run client"').toBe(await generateSchema());
});
