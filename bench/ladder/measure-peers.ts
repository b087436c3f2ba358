import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { UsageError, UserError } from '#errors/user-error.ts';
import { percent } from '#models/percent.ts';
import { groupBy } from '#training/data/group-by.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { fastestPrecision } from '#training/engine/graph/precision.ts';
import { peersPython } from '../peers.ts';
import { writeResults } from '../results.ts';
import { inTemporaryFolder } from '../temporary-folder.ts';
import { writeSplit } from '../train/setting.ts';
import type { Series } from './chart.ts';

interface Options {
  /** Filters of airbench's net and epochs, such as `64-128-128:8`. */
  readonly nets: readonly string[];
  /** Of each net: 1, 2, and so on; 0 leaves airbench out. */
  readonly seeds: number;
  /** Epochs of the blog post's net; 0 leaves it out. */
  readonly postEpochs: number;
}

/** A line that a program prints: after an epoch, and when it is done, with its version. */
interface Line {
  readonly epoch?: number;
  readonly version?: string;
  /** Of training so far. */
  readonly seconds: number;
  /** Accuracy on the test images. */
  readonly plain?: number;
  readonly tta?: number;
}

/**
 * Trains CIFAR-10 by other programs on this machine, to the end: airbench's net in PyTorch, by the method of `airbench94_muon.py` on
 * all 50,000 images, and the post's net by Keras. Writes `results/<date>-ladder-peers.json` after each run, for
 * `ladder --peers`.
 *
 * @throws {UsageError} a net is not written as `64-128-128:8`
 * @throws {UserError} the peers cannot be installed, or one of them fails
 */
export async function measurePeers({ nets, seeds, postEpochs }: Options): Promise<void> {
  const runs = nets
    .map(netOf)
    .flatMap((net) => Array.from({ length: seeds }, (_, index) => ({ ...net, seed: index + 1 })));
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const { train, test } = await loadCifar10({ log });
  const python = await peersPython(log);
  await inTemporaryFolder(async (folder) => {
    const files = await Promise.all([
      writeSplit(join(folder, 'train.bin'), train),
      writeSplit(join(folder, 'test.bin'), test),
    ]);
    const precision = fastestPrecision({ device: 'CPU' });
    const command = `npm run bench -- ladder-peers --nets ${nets.join(' ')} --seeds ${seeds} --post-epochs ${postEpochs}`;
    const airbench: ((typeof runs)[number] & { readonly reached: Line })[] = [];
    const post: Line[] = [];
    const record = () => {
      const peers = [airbenchSeries(airbench), postSeries(post)].filter(({ points }) => points.length > 0);
      return writeResults('ladder-peers', command, { peers, airbench, post });
    };
    for (const run of runs) {
      const { widths, epochs, seed } = run;
      log(`airbench in PyTorch: ${widths}, ${epochs} epochs, seed ${seed}`);
      const lines = await linesOf(python, ['airbench.py', ...files, widths, epochs, String(seed), precision], log);
      airbench.push({ ...run, reached: lines.at(-1)! });
      await record();
    }
    if (postEpochs > 0) {
      log(`the post's net in Keras: ${postEpochs} epochs`);
      post.push(...(await linesOf(python, ['the_post.py', ...files, String(postEpochs), '1'], log)));
    }
    process.stdout.write(`${(await record()).join('\n')}\n`);
  });
}

/** @throws {UsageError} */
function netOf(text: string): { readonly widths: string; readonly epochs: string } {
  const [, widths, epochs] = /^(\d+-\d+-\d+):(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (widths === undefined || epochs === undefined)
    throw new UsageError(`"${text}" is not the filters of a net and its epochs. Write --nets 32-64-64:4 64-128-128:8.`);
  return { widths, epochs };
}

/** Runs a program of `peers/`. @returns what it printed @throws {UserError} it fails */
async function linesOf(python: string, words: readonly string[], log: (line: string) => void): Promise<Line[]> {
  const [program = '', ...rest] = words;
  const child = spawn(python, ['-B', join(import.meta.dirname, 'peers', program), ...rest], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // However this process ends, the program ends with it.
  const endChild = () => void child.kill();
  process.once('exit', endChild);
  const closed = once(child, 'close');
  const lines: Line[] = [];
  for await (const text of createInterface(child.stdout)) {
    const line: Line = JSON.parse(text);
    lines.push(line);
    log(`  ${described(line)}`);
  }
  const [code] = await closed;
  process.off('exit', endChild);
  if (code !== 0) throw new UserError(`${program} ended with exit code ${code}; its error is above.`);
  return lines;
}

function described({ epoch, version, seconds, plain, tta }: Line): string {
  const head = epoch === undefined ? `${version}:` : `epoch ${epoch.toFixed(2)} `;
  const accuracies = [
    plain !== undefined && `${percent(plain)} plain`,
    tta !== undefined && `${percent(tta)} with TTA`,
  ];
  return [head, `${seconds.toFixed(0)} s`, ...accuracies.filter((each) => each !== false)].join('  ');
}

/** A point for each net: the mean accuracy of its seeds, and the time of the fastest, as `ladder` takes them for ours. */
function airbenchSeries(runs: readonly { readonly widths: string; readonly reached: Line }[]): Series {
  const points = [...groupBy(runs, ({ widths }) => widths)].map(([widths, ofNet]) => ({
    name: widths.replaceAll('-', '/'),
    seconds: Math.min(...ofNet.map(({ reached }) => reached.seconds)),
    accuracy: ofNet.reduce((sum, { reached }) => sum + reached.tta!, 0) / ofNet.length,
  }));
  return { name: 'airbench94_muon in PyTorch', points };
}

/** After 1, 2, 4, … epochs and the last: the learning rate is constant, so that each is the end of a shorter run. */
function postSeries(lines: readonly Line[]): Series {
  const epochs = lines.filter(({ epoch }) => epoch !== undefined);
  const shown = epochs.filter(({ epoch }, index) => Number.isInteger(Math.log2(epoch!)) || index === epochs.length - 1);
  const points = shown.map(({ epoch, seconds, plain }) => ({ name: `epoch ${epoch}`, seconds, accuracy: plain! }));
  return { name: "the post's net in Keras, without TTA", points };
}
