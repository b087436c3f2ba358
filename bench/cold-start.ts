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

/** Milliseconds, medians. */
export interface ColdStart {
  readonly bundle: string;
  /** Of the program, the WebAssembly and the page, as they are loaded and as they are sent to Lambda. */
  readonly bytes: number;
  readonly zipBytes: number;
  readonly model: string;
  readonly modelBytes: number;
  /** From the start of a process to its first answer, which is what a user waits for. */
  readonly firstAnswer: number;
  /** Of these, until a process that does nothing would have ended. */
  readonly node: number;
  /** Of these, the loading of the program and of the model: Lambda's INIT. */
  readonly init: number;
  /** Of these, the first request. */
  readonly request: number;
  /** Each later request. */
  readonly warm: number;
}

/** What is loaded besides our program: what a Lambda that runs on TensorFlow.js would load. */
const ADDITIONS: Readonly<Record<string, string>> = {
  'with TensorFlow.js (core, layers, wasm)':
    "import '@tensorflow/tfjs-core'; import '@tensorflow/tfjs-layers'; import '@tensorflow/tfjs-backend-wasm';",
  'with all of TensorFlow.js': "import '@tensorflow/tfjs'; import '@tensorflow/tfjs-backend-wasm';",
};
const OURS = 'the Lambda’s';

interface Options {
  /** For bundles and stores. */
  readonly folder: string;
  readonly picture: Uint8Array;
  /** Processes that are started for each. */
  readonly times: number;
  readonly log: (line: string) => void;
}

/** The Lambda's bundle with every network, and bundles that are larger with the seed network: in a process of their own. */
export async function measureColdStarts({ folder, picture, times, log }: Options): Promise<ColdStart[]> {
  const starts: ColdStart[] = [];
  const cases = [
    ...untrained.map((net) => ({ bundle: OURS, net })),
    ...Object.keys(ADDITIONS).map((bundle) => ({ bundle, net: seed })),
  ];
  for (const [index, { bundle, net }] of cases.entries()) {
    const place = join(folder, `start-${index}`);
    const store = join(folder, `store-${net.name}`);
    await mkdir(place);
    if (bundle === OURS) await storeUntrained(net, store);
    const start = await measure({ bundle, net, place, store, picture, times });
    log(`${bundle} bundle, ${net.name}: ${start.firstAnswer.toFixed(0)} ms to the first answer`);
    starts.push(start);
  }
  return starts;
}

interface Case extends Pick<Options, 'picture' | 'times'> {
  readonly bundle: string;
  readonly net: Untrained;
  readonly place: string;
  readonly store: string;
}

async function measure({ bundle, net, place, store, picture, times }: Case): Promise<ColdStart> {
  bundleClassifier(place);
  const addition = ADDITIONS[bundle];
  if (addition) addModule(place, addition);
  const files = filesIn(place);
  const sum = (size: (file: string) => number) => files.reduce((total, file) => total + size(file), 0);
  const [bytes, zipBytes] = [
    sum((file) => statSync(file).size),
    sum((file) => deflateRawSync(readFileSync(file)).length),
  ];
  writeFileSync(join(place, 'start.mjs'), program(picture, addition !== undefined));

  const nodes: number[] = [];
  const runs: Run[] = [];
  for (let count = 0; count < times; count++) {
    const started = performance.now();
    await promisify(execFile)(process.execPath, ['-e', '0'], { env: {} });
    nodes.push(performance.now() - started);
    runs.push(await run(join(place, 'start.mjs'), store));
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

/** What the process does: it says when it has answered, and then how long it takes when it is warm. */
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
  const said: string[] = [];
  let firstAnswer = 0;
  for await (const line of createInterface(child.stderr)) {
    if (said.push(line) === 1) firstAnswer = performance.now() - started;
  }
  const [code] = await ended;
  if (code !== 0 || said.length !== 2) throw new Error(`The bundle did not answer: ${said.join('\n')}`);
  return { firstAnswer, ...JSON.parse(said[0]!), ...JSON.parse(said[1]!) };
}

function addModule(place: string, contents: string): void {
  buildSync({
    stdin: { contents, resolveDir: import.meta.dirname },
    ...{ bundle: true, platform: 'node', format: 'esm', minify: true, legalComments: 'none', logLevel: 'error' },
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    mainFields: ['module', 'main'],
    outfile: join(place, 'addition.mjs'),
  });
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
