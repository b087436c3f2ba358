import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { bundleClassifier } from '#infra/classify/classifier-bundle.ts';
import { gatewayEvent } from './handler.ts';
import { quantile } from './statistics.ts';
import { seed, storeUntrained, type Untrained, untrained } from './untrained.ts';

/** A measured cold start: times are medians in milliseconds. */
export interface ColdStart {
  readonly bundle: string;
  /** Size of the program, the WebAssembly and the page together. */
  readonly bytes: number;
  /** The same, compressed as it is sent to Lambda. */
  readonly zipBytes: number;
  readonly model: string;
  readonly modelBytes: number;
  /** Time from process start to the first answer: what a user waits for. */
  readonly firstAnswer: number;
  /** Part of `firstAnswer`: how long a process that does nothing takes. */
  readonly node: number;
  /** Part of `firstAnswer`: loading the program and the model, Lambda's INIT. */
  readonly init: number;
  /** Part of `firstAnswer`: the first request. */
  readonly request: number;
  /** A later request. */
  readonly warm: number;
}

/** Modules loaded besides our program: what a Lambda based on TensorFlow.js would load. */
const ADDITIONS: Readonly<Record<string, string>> = {
  'with TensorFlow.js (core, layers, wasm)':
    "import '@tensorflow/tfjs-core'; import '@tensorflow/tfjs-layers'; import '@tensorflow/tfjs-backend-wasm';",
  'with all of TensorFlow.js': "import '@tensorflow/tfjs'; import '@tensorflow/tfjs-backend-wasm';",
};
const OURS = 'the Lambda’s';

interface Options {
  /** Holds the bundles and stores. */
  readonly folder: string;
  readonly picture: Uint8Array;
  /** Number of process starts per bundle and model. */
  readonly times: number;
  readonly log: (line: string) => void;
}

/** Measures the Lambda's bundle with every network, and larger bundles with the seed network, each in its own process. */
export async function measureColdStarts({ folder, picture, times, log }: Options): Promise<ColdStart[]> {
  const starts: ColdStart[] = [];
  const cases = [
    ...untrained.map((net) => ({ bundle: OURS, net })),
    ...Object.keys(ADDITIONS).map((bundle) => ({ bundle, net: seed })),
  ];
  for (const [index, { bundle, net }] of cases.entries()) {
    const bundleFolder = join(folder, `start-${index}`);
    const store = join(folder, `store-${net.name}`);
    await mkdir(bundleFolder);
    if (bundle === OURS) await storeUntrained(net, store);
    const start = await measure({ bundle, net, bundleFolder, store, picture, times });
    log(`${bundle} bundle, ${net.name}: ${start.firstAnswer.toFixed(0)} ms to the first answer`);
    starts.push(start);
  }
  return starts;
}

interface Case extends Pick<Options, 'picture' | 'times'> {
  readonly bundle: string;
  readonly net: Untrained;
  readonly bundleFolder: string;
  readonly store: string;
}

async function measure({ bundle, net, bundleFolder, store, picture, times }: Case): Promise<ColdStart> {
  bundleClassifier(bundleFolder);
  const addition = ADDITIONS[bundle];
  if (addition) addModule(bundleFolder, addition);
  const files = filesIn(bundleFolder);
  const sum = (size: (file: string) => number) => files.reduce((total, file) => total + size(file), 0);
  const [bytes, zipBytes] = [
    sum((file) => statSync(file).size),
    sum((file) => deflateRawSync(readFileSync(file)).length),
  ];
  writeFileSync(join(bundleFolder, 'start.mjs'), program(picture, addition !== undefined));

  const nodes: number[] = [];
  const runs: Run[] = [];
  for (let count = 0; count < times; count++) {
    const started = performance.now();
    await promisify(execFile)(process.execPath, ['-e', '0'], { env: {} });
    nodes.push(performance.now() - started);
    runs.push(await run(join(bundleFolder, 'start.mjs'), store));
  }
  const median = (of: (run: Run) => number) => quantile(runs.map(of), 0.5);
  return {
    ...{ bundle, bytes, zipBytes, model: net.name, modelBytes: (await net.files()).weightsBin.length },
    firstAnswer: median((run) => run.firstAnswer),
    node: quantile(nodes, 0.5),
    init: median((run) => run.init),
    request: median((run) => run.request),
    warm: median((run) => run.warm),
  };
}

/** Source of the measured process: it reports the times of its first answer, then the median of its warm requests. */
function program(picture: Uint8Array, hasAddition: boolean): string {
  return `const started = performance.now();
${hasAddition ? "await import('./addition.mjs');" : ''}
const { handler } = await import('./index.mjs');
const loaded = performance.now();
const event = ${JSON.stringify(gatewayEvent(picture))};
const { statusCode } = await handler(event);
if (statusCode !== 200) throw new Error(String(statusCode));
process.stderr.write(JSON.stringify({ init: loaded - started, request: performance.now() - loaded }) + '\\n');
const times = [];
for (let count = 0; count < 200; count++) {
  const began = performance.now();
  await handler(event);
  times.push(performance.now() - began);
}
process.stderr.write(JSON.stringify({ warm: times.sort((a, b) => a - b)[100] }) + '\\n');
process.exit();`;
}

interface Run {
  readonly firstAnswer: number;
  readonly init: number;
  readonly request: number;
  readonly warm: number;
}

async function run(file: string, store: string): Promise<Run> {
  const started = performance.now();
  const child = spawn(process.execPath, [file], {
    env: { CIFAR10_STORE: store, CIFAR10_ALIAS: 'production' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  const lines: string[] = [];
  let firstAnswer = 0;
  for await (const line of createInterface(child.stderr)) {
    if (lines.push(line) === 1) firstAnswer = performance.now() - started;
  }
  const [code] = await ended;
  if (code !== 0 || lines.length !== 2) throw new Error(`The bundle did not answer: ${lines.join('\n')}`);
  return { firstAnswer, ...JSON.parse(lines[0]!), ...JSON.parse(lines[1]!) };
}

function addModule(bundleFolder: string, contents: string): void {
  buildSync({
    stdin: { contents, resolveDir: import.meta.dirname },
    ...{ bundle: true, platform: 'node', format: 'esm', minify: true, legalComments: 'none', logLevel: 'error' },
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    mainFields: ['module', 'main'],
    outfile: join(bundleFolder, 'addition.mjs'),
  });
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
