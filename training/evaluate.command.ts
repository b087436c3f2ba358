import { Command } from 'commander';
import { resolveVersion } from '#models/aliases.ts';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import { openObjectStore } from '#models/open.ts';
import { readVersion } from '#models/versions.ts';
import { loadCifar10 } from './data/cifar10.ts';
import { evaluate, interval95 } from './evaluate.ts';
import { probabilities } from './temperature.ts';

interface Options {
  readonly store: string;
  readonly json?: boolean;
}

const help = `
The version is verified, loaded as any TensorFlow.js program would load it, and measured on all test images.

Examples:
  ./cifar10 evaluate                                     the last one that was trained, from .cifar10/store
  ./cifar10 evaluate production --store s3://my-bucket   what an endpoint serves
  ./cifar10 evaluate 20261123-0412-a1b2c3d4 --json       a version by its id, for a program`;

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('Measure a stored version on the test images.')
    .argument('[version]', 'a version or an alias', 'candidate')
    .option('--store <store>', 'a folder or s3://<bucket>', process.env.CIFAR10_STORE || '.cifar10/store')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(run);
}

async function run(name: string, { store: url, json }: Options): Promise<void> {
  const store = await openObjectStore(url);
  const version = await readVersion(store, await resolveVersion(store, name));
  const { card, golden } = version;
  const data = await loadCifar10({ log: (line) => process.stderr.write(`${line}\n`) });
  const { openStoredModel } = await import('./stored-model.ts'); // Loads TensorFlow.js, which errors need not wait for.

  const model = await openStoredModel(version);
  const classes = card.classes.length;
  const answers = probabilities(model.predict(goldenPixels(golden)), classes, card.temperature);
  const { images, plain, tta, loss } = await evaluate(model.predict, data.test, {
    imageSize: data.images.size,
    classes,
    temperature: card.temperature,
  });
  model.dispose();

  const measured: Measured = {
    version: version.id,
    runtime: model.runtime,
    images,
    plain,
    tta,
    loss,
    interval95: interval95(plain, images),
    recorded: { plain: card.accuracy.plain, tta: card.accuracy.tta, loss: card.loss },
    golden: { difference: goldenDifference(golden, answers), tolerance: golden.tolerance },
  };
  process.stdout.write(json ? `${JSON.stringify(measured, undefined, 2)}\n` : table(measured));
}

function table({ version, runtime, images, plain, tta, loss, interval95, recorded, golden }: Measured): string {
  const percent = (fraction: number) => `${(100 * fraction).toFixed(2)} %`;
  const rows = [
    ['', 'measured', 'recorded'],
    ['plain', percent(plain), percent(recorded.plain)],
    ['with augmentation', percent(tta), percent(recorded.tta)],
    ['loss', loss.toFixed(4), recorded.loss.toFixed(4)],
  ];
  const [low, high] = interval95.map(percent);
  const isReproduced = golden.difference <= golden.tolerance;
  return `${[
    `${version} on ${images.toLocaleString('en')} test images, by ${runtime}`,
    ...rows.map(([name, now, then]) => `  ${name!.padEnd(18)} ${now!.padStart(10)} ${then!.padStart(10)}`),
    `  95 % interval of plain: ${low} to ${high}`,
    `  golden vectors: ${isReproduced ? 'reproduced' : 'NOT reproduced'}, within ${golden.difference.toExponential(1)} of ${golden.tolerance}`,
  ].join('\n')}\n`;
}

interface Measured {
  readonly version: string;
  readonly runtime: string;
  readonly images: number;
  readonly plain: number;
  readonly tta: number;
  readonly loss: number;
  readonly interval95: readonly [number, number];
  readonly recorded: { readonly plain: number; readonly tta: number; readonly loss: number };
  /** The largest difference of a probability from what training computed. */
  readonly golden: { readonly difference: number; readonly tolerance: number };
}
