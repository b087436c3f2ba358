import { expect, test } from 'vitest';
import { untrainedModel } from '#jobs/bulk/bulk-model.fixture.ts';
import { tinyNetFor } from '#training/nets/tiny.ts';
import { localSource } from './sources.ts';

test('a source says what answers before it has an engine, and with it', async () => {
  const set = { mean: [0.5, 0.5, 0.4], deviation: [0.25, 0.25, 0.25] } as const;
  const model = await untrainedModel(tinyNetFor({ size: [16, 16, 3], classes: 3, ...set }));
  const source = localSource(model, 1, {});
  expect(source.describe()).toBe('any');

  const pictures = (async function* () {
    yield { file: 'none.png', name: 'none.png' };
  })();
  for await (const rows of source.rows(pictures, { format: 'csv', width: 0 })) expect(rows[0]!.isFailed).toBe(true);

  expect(source.describe()).toBe('any on WebAssembly, 1 thread (for few pictures it answers sooner)');
});
