import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rowOf } from '#jobs/bulk/formats.ts';
import { bucketReader } from '#jobs/pictures/bucket-reader.ts';
import { listLine } from '#models/plans/classify-result.ts';
import { createPlan, makePlan, planKey } from '#models/plans/plan.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import type { Measured } from './constants.ts';

const GETS = 20_000;
const PAGES = 40;
/** Requests under way at a time. */
const AT_ONCE = 32;

const server = fileURLToPath(new URL('object-server.mjs', import.meta.url));
const program = fileURLToPath(new URL('../../jobs/main.ts', import.meta.url));

/**
 * Measures what the arithmetic of scaling rests on, by processor time: other programs on the machine then matter little. S3 is a
 * server of another process that answers at once, without TLS.
 */
export async function measureConstants(): Promise<{ readonly figures: Measured; readonly load: readonly number[] }> {
  const child = spawn(process.execPath, [server], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const endpoint = await addressOf(child);
    Object.assign(process.env, {
      ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'us-east-1' },
      ...{ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    });
    const figures = {
      get: await getSeconds(),
      listPage: await listPageSeconds(),
      ...sizes(),
      itemBytes: { classify: await itemBytes('classify'), sweep: await itemBytes('sweep') },
      childStart: startSeconds(),
    };
    return { figures, load: loadavg() };
  } finally {
    child.kill();
  }
}

async function addressOf(child: ChildProcess): Promise<string> {
  const [line] = await once(child.stdout!, 'data');
  return String(line).trim();
}

/** Processor seconds of this process while something happens. */
async function processorTime(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function getSeconds(): Promise<number> {
  const reader = bucketReader();
  const read = async (count: number) => {
    let next = 0;
    const one = async () => {
      while (next < count) await reader.read({ file: `s3://photos/${next++}.png`, etag: '"1"', size: 2300 });
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  };
  await read(GETS / 10); // Until the code is compiled.
  const seconds = await processorTime(() => read(GETS));
  reader.close();
  return seconds / GETS;
}

async function listPageSeconds(): Promise<number> {
  const store = await openObjectStore('s3://photos');
  let count = 0;
  const seconds = await processorTime(async () => {
    for await (const { key } of store.list(`pages-${PAGES}/`)) if (key !== '') count += 1;
  });
  if (count !== PAGES * 1000) throw new Error(`${count} objects were listed, not ${PAGES * 1000}.`);
  return seconds / PAGES;
}

/** Of a picture whose key has 40 characters. */
function sizes(): Pick<Measured, 'listedBytes' | 'rowBytes'> {
  const file = 's3://my-photos/2026/11/28/camera-7/IMG_123456.jpg';
  const predictions = ['cat', 'dog', 'deer'].map((label, index) => ({ label, index, score: 0.123456 }));
  const model = { name: 'cifar10', version: '20261128-1445-e6b219c2' };
  const answer = { label: 'cat', index: 3, score: 0.987654, uncertain: false, unfamiliar: false, predictions, model };
  return {
    listedBytes: listLine({ file, etag: '"d41d8cd98f00b204e9800998ecf8427e"', size: 123_456 }).length,
    rowBytes: rowOf(file, answer as unknown as Parameters<typeof rowOf>[1], { format: 'jsonl', width: 0 }).length,
  };
}

/** Bytes of an item in a plan of a thousand, as it is stored. */
async function itemBytes(kind: 'classify' | 'sweep'): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'scaling-'));
  try {
    const store = folderStore(folder);
    const numbers = Array.from({ length: 1000 }, (_, index) => index);
    const common = { code: '0'.repeat(64), options: {} };
    const sha256 = '0'.repeat(64);
    const plan =
      kind === 'classify'
        ? makePlan({
            ...{ kind, ...common },
            items: numbers.map((n) => ({ list: { key: `plans/lists/${n}.jsonl`, sha256 }, objects: 5000, bytes: n })),
          })
        : makePlan({
            ...{ kind, ...common },
            items: numbers.map((seed) => {
              const group = 'quick learningRate=0.2 optimizer=muon';
              const set = ['learningRate=0.2', 'optimizer=muon'];
              return { name: `${group} seed=${seed}`, recipe: 'quick', set, seed, data: 'cifar10', group };
            }),
          });
    const { id } = await createPlan(store, plan);
    return Math.round((await store.get(planKey(id, 'plan.json')))!.body.length / numbers.length);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Processor seconds of a child's program until it knows what to do; a job's bundle has no TypeScript to translate, and takes less. */
function startSeconds(): number {
  const report =
    "process.on('exit',()=>{const{user,system}=process.cpuUsage();process.stderr.write(String((user+system)/1e6))})";
  const flags = ['--import', `data:text/javascript,${encodeURIComponent(report)}`];
  const typescript = ['--import', './setup/typescript.mjs'];
  const { stderr } = spawnSync(process.execPath, [...flags, ...typescript, program, 'shards', '--help'], {
    encoding: 'utf8',
  });
  return Number(stderr);
}
