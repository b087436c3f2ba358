import { expect, test } from 'vitest';
import { runSchemathesis } from '#inference/openapi/schemathesis.fixture.ts';
import { readersPython } from '#setup/readers.mjs';
import { withServing } from './serve.fixture.ts';

const python = readersPython();

test.skipIf(python === undefined)('Schemathesis finds nothing that the description does not say, and no 5xx', () =>
  withServing(async ({ url }) => {
    const { isGood, cases, report } = await runSchemathesis({ python: python!, url, examples: 15, seed: 1 });
    expect(isGood, report).toBe(true);
    expect(cases).toBeGreaterThan(500);
  }),
);
