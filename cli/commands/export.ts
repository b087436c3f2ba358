import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { makeFolder } from '#environment/make-folder.ts';
import { UserError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { sha256Of } from '#models/manifest.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { readVersion } from '#models/versions.ts';
import { encodeKeras } from '#training/export/keras.ts';
import { encodeOnnx } from '#training/export/onnx/encode.ts';
import type { TrainedNet } from '#training/export/trained-net.ts';
import { encodeWeights, readTrainedNet } from '#training/export/weights.ts';
import { openTarget, stageOption, type TargetName, type TargetOptions } from '../stack/target.ts';

interface Options {
  readonly format: keyof typeof formats;
  readonly out?: string;
  readonly force?: boolean;
  readonly store: string;
  readonly target?: TargetName;
  readonly stage?: TargetOptions['stage'];
  readonly json?: boolean;
}

interface Format {
  /** The end of the default file name. */
  readonly ending: string;
  readonly summary: string;
  /** Paths below --out; one file is --out itself. */
  readonly paths: readonly string[];
  /** @returns the files, in the order of `paths` */
  readonly read: (store: ObjectStore, version: string) => Promise<readonly Uint8Array[]>;
}

/** The files of a LayersModel, in the order in which they are written: model.json last, when its weights exist. */
const layersModel = ['weights.bin', 'model.json'] as const;

const formats = {
  h5: {
    ending: '.h5',
    summary: 'Keras: the whole model, to use or to train further; RGB of 0–255 in, logits out',
    ...oneFile(encodeKeras),
  },
  onnx: {
    ending: '.onnx',
    summary: 'ONNX, opset 20: uint8 images in, probabilities and logits out',
    ...oneFile(encodeOnnx),
  },
  safetensors: {
    ending: '.safetensors',
    summary: 'the weights as training left them, by name; the net as metadata',
    ...oneFile(encodeWeights),
  },
  'layers-model': {
    ending: '-layers-model',
    summary: 'a folder for TensorFlow.js: model.json and weights.bin, which the endpoint serves',
    paths: layersModel,
    async read(store, version) {
      const { file } = await readVersion(store, version, { only: layersModel });
      return layersModel.map(file);
    },
  },
} satisfies Record<string, Format>;

const help = `
Formats:
${Object.entries(formats)
  .map(([name, { summary }]) => `  ${name.padEnd(13)} ${summary}`)
  .join('\n')}

Without --out the file is named after the version, in the current folder. docs/exports.md shows how to
open each format.

Examples:
  ./cifar10 export production --format onnx                        20261123-0412-a1b2c3d4.onnx
  ./cifar10 export candidate --format h5 --out model.h5 --force    replace an existing file
  ./cifar10 export 20261123-0412-a1b2c3d4 --format safetensors     a version by its id
  ./cifar10 export production --format layers-model --out public   two files in the folder public
  ./cifar10 export production --format onnx --target aws           the one served in your AWS account
  ./cifar10 export production --format onnx --json | jq -r '.files[].sha256'`;

export function exportCommand(): Command {
  return new Command('export')
    .description('Write a stored version in a format that other programs read.')
    .argument('<version>', 'a version or an alias')
    .addOption(new Option('--format <format>', 'see below').choices(Object.keys(formats)).makeOptionMandatory())
    .option('--out <path>', 'the file, or the folder of a layers-model (default: named after the version)')
    .option('--force', 'replace existing files')
    .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
    .addOption(
      new Option('--target <target>', 'read from the bucket of the stack').choices(['local', 'aws']).conflicts('store'),
    )
    .addOption(stageOption().conflicts('store'))
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(run);
}

async function run(
  name: string,
  { format, out, force = false, store: url, stage, json, ...options }: Options,
): Promise<void> {
  const { ending, summary, paths, read }: Format = formats[format];
  const target = options.target ?? (stage && 'local');
  const store = target === undefined ? await openObjectStore(url) : await (await openTarget({ target, stage })).store();
  const version = await resolveVersion(store, name);
  const places = paths.map((path) => join(out ?? `${version}${ending}`, path));
  if (!force) await expectAbsent(places);

  const bodies = await read(store, version); // A damaged version is found before anything is written.
  const files = places.map((path, index) => ({ path, body: bodies[index]! }));
  for (const { path, body } of files) await write(path, body);

  if (json) {
    const written = files.map(({ path, body }) => ({ path, size: body.length, sha256: sha256Of(body) }));
    process.stdout.write(`${JSON.stringify({ version, format, files: written }, undefined, 2)}\n`);
    return;
  }
  process.stdout.write(`${version} as ${format} (${summary})\n`);
  for (const { path, body } of files) process.stdout.write(`  ${path}, ${(body.length / 1e6).toFixed(2)} MB\n`);
}

/** Formats that hold the whole trained network in one file. */
function oneFile(encode: (network: TrainedNet) => Uint8Array): Pick<Format, 'paths' | 'read'> {
  return {
    paths: [''],
    read: async (store, version) => [encode(await readTrainedNet(store, version))],
  };
}

async function expectAbsent(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const isThere = await lstat(path).then(
      () => true,
      () => false,
    );
    if (isThere) throw new UserError(`${path} already exists. Replace it with --force, or give another --out.`);
  }
}

/** Writes all of the file or none of it: to a draft beside it, which is then renamed. */
async function write(path: string, body: Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}.draft`;
  try {
    await makeFolder(dirname(path));
    await writeFile(draft, body);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {}); // The first error is the one to report.
    throw new UserError(
      `${path} could not be written (${(error as NodeJS.ErrnoException).code}). Give another --out.`,
      {
        cause: error,
      },
    );
  }
}
