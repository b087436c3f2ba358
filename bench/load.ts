import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from './statistics.ts';

export interface Load {
  /** Answers a second when eight clients ask without a pause. */
  readonly perSecond: number;
  /** Requests that were not answered with 200, of all. */
  readonly failed: number;
  readonly requests: number;
  /** Of the server's process, in megabytes: after a tenth of the requests, and after all. */
  readonly memory: { readonly early: number; readonly late: number };
  /** Milliseconds from when a request was due, at a steady rate whatever the server does. */
  readonly open: { readonly rate: number; readonly p50: number; readonly p99: number; readonly p999: number };
}

/** `cifar10 serve` in a process of its own, asked over the loopback by this one. */
export async function measureLoad(store: string, picture: Uint8Array, requests: number): Promise<Load> {
  const server = spawn(
    process.execPath,
    ['--import', 'tsx', 'cli/cifar10.ts', 'serve', '--store', store, '--port', '0'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  try {
    const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
    const url = new URL(/http:\S+/.exec((await lines.next()).value)![0]);
    await lines.next(); // The model is loaded.
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    const post = () => ask(url, agent, picture);
    for (let count = 0; count < 500; count++) await post();

    let failed = 0;
    let [sent, early] = [0, 0];
    const started = performance.now();
    const client = async () => {
      while (sent < requests) {
        sent++;
        if (sent === Math.floor(requests / 10)) early = await memoryOf(server.pid!);
        if ((await post()) !== 200) failed++;
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    const perSecond = requests / ((performance.now() - started) / 1000);
    const late = await memoryOf(server.pid!);
    const open = await openLoop(post, Math.round(perSecond / 2));
    agent.destroy();
    return { perSecond, failed, requests, memory: { early, late }, open };
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
}

/** Sends when it is time, whether or not the last answer has come: waiting in line counts. */
async function openLoop(post: () => Promise<number>, rate: number): Promise<Load['open']> {
  const times: number[] = [];
  const pending: Promise<void>[] = [];
  const started = performance.now();
  for (let count = 0; count < 20 * rate; count++) {
    const due = started + (1000 * count) / rate;
    const early = due - performance.now();
    if (early > 1) await sleep(early);
    pending.push(post().then(() => void times.push(performance.now() - due)));
  }
  await Promise.all(pending);
  return { rate, p50: quantile(times, 0.5), p99: quantile(times, 0.99), p999: quantile(times, 0.999) };
}

function ask(url: URL, agent: Agent, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL('/classify', url), { method: 'POST', agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode!));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** Megabytes that a process holds. */
async function memoryOf(pid: number): Promise<number> {
  const child = spawn('ps', ['-o', 'rss=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  return Number(text) / 1024;
}
