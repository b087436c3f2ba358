import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundleClassifier } from '#infra/classify/classifier-bundle.ts';
import { quantile } from './statistics.ts';

/** Milliseconds, medians. */
export interface ColdStart {
  /** From the start of a process to its first answer, which is what a user waits for. */
  readonly firstAnswer: number;
  /** Of these, until a process that does nothing would have ended. */
  readonly node: number;
  /** Of these, the loading of the program and of the model: Lambda's INIT. */
  readonly init: number;
  /** Of these, the first request. */
  readonly request: number;
}

/** The Lambda's own bundle in a process that has nothing else, answering one event of the gateway. */
export async function measureColdStarts(store: string, folder: string, times: number): Promise<ColdStart> {
  bundleClassifier(folder);
  const event = {
    ...{ httpMethod: 'POST', path: '/classify', isBase64Encoded: true, requestContext: { requestId: 'bench' } },
    body: Buffer.alloc(32 * 32 * 3, 100).toString('base64'),
  };
  await writeFile(
    join(folder, 'once.mjs'),
    `const started = performance.now();
const { handler } = await import('./index.mjs');
const loaded = performance.now();
const { statusCode } = await handler(${JSON.stringify(event)});
const answered = performance.now();
if (statusCode !== 200) throw new Error(String(statusCode));
process.stderr.write(JSON.stringify({ init: loaded - started, request: answered - loaded }));
process.exit();`,
  );
  const nodes: number[] = [];
  const runs: { init: number; request: number; total: number }[] = [];
  for (let count = 0; count < times; count++) {
    nodes.push((await timed(['-e', '0'], {})).milliseconds);
    const { milliseconds, stderr } = await timed([join(folder, 'once.mjs')], {
      ...{ CIFAR10_STORE: store, CIFAR10_ALIAS: 'production' },
    });
    runs.push({ ...JSON.parse(stderr), total: milliseconds });
  }
  return {
    firstAnswer: quantile(
      runs.map(({ total }) => total),
      0.5,
    ),
    node: quantile(nodes, 0.5),
    init: quantile(
      runs.map(({ init }) => init),
      0.5,
    ),
    request: quantile(
      runs.map(({ request }) => request),
      0.5,
    ),
  };
}

async function timed(
  options: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<{ milliseconds: number; stderr: string }> {
  const started = performance.now();
  const { stderr } = await promisify(execFile)(process.execPath, options, { env: environment });
  return { milliseconds: performance.now() - started, stderr };
}
