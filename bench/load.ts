import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { countingMemory, liveMemoryOf } from './live-memory.ts';
import { quantile } from './statistics.ts';

export interface Load {
  /** Whether the server was pinned to one core. */
  readonly isOnOneCore: boolean;
  /** Answers per second when eight clients send requests without a pause. */
  readonly perSecond: number;
  /** Number of requests that were not answered with 200. */
  readonly failed: number;
  readonly requests: number;
  readonly memory: Memory;
  readonly open: readonly OpenLoad[];
}

/** Memory of the server's process, in megabytes. */
interface Memory {
  /** Resident memory after the given numbers of requests. */
  readonly samples: readonly (readonly [requests: number, megabytes: number])[];
  /** Growth per 10,000 requests, over the second half of the samples. */
  readonly slope: number;
  /**
   * Live memory after garbage collection: at the beginning and after each quarter. `samples` also include garbage that V8
   * has not collected yet and memory that it keeps in reserve; `live` grows only if there is a leak.
   */
  readonly live: readonly (readonly [requests: number, megabytes: number])[];
}

/** Latencies in milliseconds from when a request was due, at a fixed rate that does not depend on the server. */
interface OpenLoad {
  /** Requests sent per second. */
  readonly rate: number;
  /** Requests answered per second. */
  readonly answered: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

const RATES = [100, 250, 500, 750, 1000];
const SECONDS_EACH = 15;

/** Measures `cifar10 serve` in its own process; this process is the client, over the loopback interface. */
export async function measureLoad(
  store: string,
  picture: Uint8Array,
  requests: number,
  log: (line: string) => void,
): Promise<Load> {
  const isOnOneCore = existsSync('/usr/bin/taskset');
  const server = startServer(store, isOnOneCore);
  try {
    const url = await listening(server);
    const agent = new Agent({ keepAlive: true, maxSockets: 256 });
    const post = () => postImage(url, agent, picture);
    for (let count = 0; count < 1000; count++) await post();
    const closed = await closedLoop(post, requests, server);
    log(`${closed.perSecond.toFixed(0)} requests/s, memory grows by ${closed.memory.slope.toFixed(2)} MB per 10,000`);
    const open: OpenLoad[] = [];
    for (const rate of RATES) {
      open.push(await openLoop(post, rate));
      log(`at ${rate} requests/s: p99 ${open.at(-1)!.p99.toFixed(1)} ms`);
    }
    agent.destroy();
    return { isOnOneCore, ...closed, requests, open };
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
}

function startServer(store: string, isOnOneCore: boolean): ChildProcess {
  const program = [
    ...['--import', './setup/typescript.mjs', ...countingMemory],
    ...['cli/cifar10.ts', 'serve', '--store', store, '--port', '0'],
  ];
  const [command, ...options] = isOnOneCore
    ? ['taskset', '--cpu-list', '0', process.execPath, ...program]
    : [process.execPath, ...program];
  return spawn(command!, options, { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] });
}

/** @returns the server's address, once its model is loaded */
async function listening(server: ChildProcess): Promise<URL> {
  const lines = createInterface(server.stdout!)[Symbol.asyncIterator]();
  const url = /http:\S+/.exec((await lines.next()).value ?? '');
  if (!url) throw new Error('"cifar10 serve" did not print its address: it did not start.');
  await lines.next();
  return new URL(url[0]);
}

/** Eight clients, each of which sends its next request when it has its answer. */
async function closedLoop(
  post: () => Promise<number>,
  requests: number,
  server: ChildProcess,
): Promise<Pick<Load, 'perSecond' | 'failed' | 'memory'>> {
  let [sent, failed] = [0, 0];
  const samples: [number, number][] = [];
  const live: [number, number][] = [];
  const started = performance.now();
  const client = async () => {
    while (sent < requests) {
      const count = sent++;
      if (count % Math.ceil(requests / 50) === 0) samples.push([count, await memoryOf(server.pid!)]);
      if (count % Math.ceil(requests / 4) === 0) live.push([count, await liveMemoryOf(server)]);
      if ((await post()) !== 200) failed++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  const perSecond = requests / ((performance.now() - started) / 1000);
  samples.push([requests, await memoryOf(server.pid!)]);
  live.push([requests, await liveMemoryOf(server)]);
  return { perSecond, failed, memory: { samples, slope: 10_000 * slopeOf(samples.slice(samples.length / 2)), live } };
}

/** Sends each request when it is due, even if earlier ones are unanswered: queueing time counts. */
async function openLoop(post: () => Promise<number>, rate: number): Promise<OpenLoad> {
  const times: number[] = [];
  const pending: Promise<void>[] = [];
  let failed = 0;
  const started = performance.now();
  for (let count = 0; count < SECONDS_EACH * rate; count++) {
    const due = started + (1000 * count) / rate;
    const early = due - performance.now();
    if (early > 1) await sleep(early);
    const answered = (status: number) => {
      if (status !== 200) failed++;
      times.push(performance.now() - due);
    };
    pending.push(post().then(answered));
  }
  await Promise.all(pending);
  const answered = times.length / ((performance.now() - started) / 1000);
  return {
    ...{ rate, answered, failed },
    ...{ p50: quantile(times, 0.5), p99: quantile(times, 0.99), p999: quantile(times, 0.999) },
  };
}

/** @returns the status; 0 if the connection closed before the answer, as an idle one may when it is reused */
function postImage(url: URL, agent: Agent, body: Uint8Array): Promise<number> {
  return new Promise((resolve) => {
    const sent = request(new URL('/classify', url), { method: 'POST', agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode!));
    });
    sent.once('error', () => resolve(0));
    sent.end(body);
  });
}

/** Resident memory of a process, in megabytes. */
export async function memoryOf(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) / 1024;
}

/** Slope of the least-squares line through the points. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  return mean(([x, y]) => (x - meanX) * (y - meanY)) / mean(([x]) => (x - meanX) ** 2);
}
