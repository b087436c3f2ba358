import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { encode } from 'fast-png';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { airbenchNet } from '#training/nets/airbench.ts';
import { untrainedModel } from './bulk-model.fixture.ts';
import { type BulkEngine, openBulkEngine } from './engine.ts';
import type { BulkPicture } from './open-here.ts';
import { openLogits } from './open-logits.ts';

const SIZE = 16;
const net = airbenchNet([8, 8, 8], {
  ...{ size: [SIZE, SIZE, 3], classes: 3 },
  ...{ mean: [0.5, 0.5, 0.4], deviation: [0.25, 0.25, 0.25] },
});
const bytes = encode({ width: SIZE, height: SIZE, channels: 3, data: new Uint8Array(SIZE * SIZE * 3) });

/** The threads that were started, in their order. */
let workers: Worker[];
const keep = (worker: Worker) => workers.push(worker);
beforeEach(() => {
  workers = [];
  process.on('worker', keep);
});
afterEach(() => {
  process.off('worker', keep);
});

async function* pictures(count: number): AsyncGenerator<BulkPicture> {
  for (let index = 0; index < count; index++) yield { file: `${index}.png`, bytes };
}

async function count(rows: ReturnType<BulkEngine['rows']>): Promise<number> {
  let found = 0;
  for await (const some of rows) found += some.length;
  return found;
}

test('a thread that fails or ends takes its pictures with it, and no later ones', async () => {
  const engine = await openBulkEngine(await untrainedModel(net), {
    ...{ format: 'jsonl', width: 0, engine: 'WebAssembly' },
  });
  try {
    const waiting = engine.rows(pictures(1000));
    await waiting.next();
    await Promise.all(workers.map((worker) => worker.terminate()));
    await expect(count(waiting)).rejects.toThrow('A thread that classifies pictures ended, with exit code 1.');
    expect(await count(engine.rows(pictures(100)))).toBe(100);

    workers.at(-1)!.postMessage('no pictures');
    await once(workers.at(-1)!, 'exit').catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
    expect(await count(engine.rows(pictures(100)))).toBe(100);
  } finally {
    await engine.close();
  }
}, 60_000);

test.each([
  ['fails', (worker: Worker) => worker.postMessage(undefined), /Cannot destructure/],
  ['ends', (worker: Worker) => worker.terminate(), /network ended, with exit code 1/],
] as const)(
  'where the thread of TensorFlow %s, what waits for it is told so',
  async (_, end, message) => {
    const engine = await openBulkEngine(await untrainedModel(net), {
      ...{ format: 'jsonl', width: 0, engine: 'TensorFlow' },
    });
    try {
      const waiting = engine.rows(pictures(5000));
      await waiting.next();
      await end(workers[0]!);
      // A thread that computes by it may hear of it first.
      await expect(count(waiting)).rejects.toThrow(new RegExp(`${message.source}|has ended`));
      await expect(count(engine.rows(pictures(1000)))).rejects.toThrow(message);
    } finally {
      await engine.close();
    }
  },
  60_000,
);

test('logits of threads that have ended are not waited for', async () => {
  const computing = await openLogits(await untrainedModel(net), 100, 'WebAssembly');
  try {
    const images = new Uint8Array(100 * SIZE ** 2 * 3);
    const waiting = computing.logits(images);
    waiting.catch(() => {});
    await Promise.all(workers.map((worker) => worker.terminate()));
    await waiting.catch(() => {}); // It may have been done before.
    await expect(computing.logits(images)).rejects.toThrow('The thread that computes the network has ended.');
  } finally {
    await computing.close();
  }
}, 60_000);
