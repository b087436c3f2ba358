import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { checkLibraries } from './device/libraries.ts';
import { layersOf } from './image/layers.ts';
import { type ContainerProgram, findContainerProgram } from './image/programs.ts';
import { writeResults } from './results.ts';

const dockerfiles = { cpu: 'training/Dockerfile.cpu', gpu: 'training/Dockerfile' } as const;
type Device = keyof typeof dockerfiles;

/** What the CPU image must do: words behind its entry point, the exit code, and of a signal that ends it, the seconds until then. */
const runs: readonly { readonly words: readonly string[]; readonly code: number; readonly endedAfter?: number }[] = [
  { words: ['--help'], code: 0 },
  { words: ['train', 'nothing'], code: 2 },
  { words: ['train', 'minute', '--set', 'epochs=0.05'], code: 0 },
  { words: ['train', 'minute', '--set', 'epochs=100'], code: 75, endedAfter: 60 },
];

interface ImageResult {
  readonly device: Device;
  readonly buildSeconds: number;
  /** Sizes of the layers in bytes, the base's first. */
  readonly layers: readonly { readonly unpacked: number; readonly compressed: number }[];
  readonly runs: readonly { readonly command: string; readonly code: number; readonly seconds: number }[];
  /** What TensorFlow lacks in the image on a simulated GPU. */
  readonly onGpu: readonly string[];
}

/**
 * Builds the training images, measures them as a registry keeps them, trains shortly in the CPU one, and takes TensorFlow of the
 * GPU one through training steps on a simulated GPU.
 *
 * @throws {UserError} neither Docker nor Buildah runs here, an image cannot be built, or does not do what it must
 */
export async function benchmarkImages({ devices }: { readonly devices: readonly Device[] }): Promise<void> {
  const program = await findContainerProgram();
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-image-'));
  const results: ImageResult[] = [];
  const problems: string[] = [];
  try {
    for (const device of devices) {
      const tag = `cifar10-bench-${device}`;
      process.stderr.write(`building ${dockerfiles[device]} with ${program.name} …\n`);
      const built = await timed(() => program.build(dockerfiles[device], tag));
      process.stderr.write('compressing its layers …\n');
      const layers = await layersOf(await program.save(tag, join(folder, `${device}.tar`)));
      const checks = device === 'cpu' ? await runAll(program, tag, problems) : [];
      const onGpu = device === 'gpu' ? await problemsOnGpu(program, tag, folder) : [];
      problems.push(...onGpu);
      results.push({ device, buildSeconds: built.seconds, layers, runs: checks, onGpu });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log(tableOf(results).join('\n'));
  const command = `npm run bench -- image --devices ${devices.join(' ')}`;
  console.log((await writeResults('image', command, { with: program.name, results })).join('\n'));
  if (problems.length > 0) throw new UserError(`The images do not do what they must: ${problems.join('; ')}.`);
}

async function runAll(program: ContainerProgram, tag: string, problems: string[]): Promise<ImageResult['runs']> {
  const results: ImageResult['runs'][number][] = [];
  for (const { words, code, endedAfter } of runs) {
    const command = words.join(' ');
    process.stderr.write(`running ${command} …\n`);
    const ended = await timed(() => program.run(tag, words, endedAfter));
    results.push({ command, code: ended.value.code, seconds: ended.seconds });
    if (ended.value.code !== code) {
      problems.push(`\`${command}\` ends with ${ended.value.code}, not ${code}: ${ended.value.said}`);
    }
  }
  return results;
}

async function problemsOnGpu(program: ContainerProgram, tag: string, folder: string): Promise<string[]> {
  return await program.withFiles(tag, join(folder, 'files'), async (app) => {
    const { missing, steps } = await checkLibraries(app);
    const failed = steps.filter(({ problem }) => problem !== undefined);
    return [
      ...missing.map(({ name, reason }) => `${name}: ${reason}`),
      ...failed.map(({ precision, problem }) => `a step in ${precision}: ${problem}`),
    ];
  });
}

async function timed<Value>(work: () => Promise<Value>): Promise<{ readonly value: Value; readonly seconds: number }> {
  const before = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - before) / 1000 };
}

function tableOf(results: readonly ImageResult[]): string[] {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;
  return results.flatMap(({ device, buildSeconds, layers, runs, onGpu }) => {
    const [unpacked, compressed] = (['unpacked', 'compressed'] as const).map((kind) =>
      layers.reduce((sum, layer) => sum + layer[kind], 0),
    );
    const largest = Math.max(...layers.map((layer) => layer.compressed));
    return [
      `${device}: ${megabytes(unpacked!)} unpacked, ${megabytes(compressed!)} compressed, ${layers.length} layers, ` +
        `the largest ${megabytes(largest)} compressed; built in ${Math.round(buildSeconds)} s`,
      ...layers.map(
        (layer, index) => `  layer ${index + 1}: ${megabytes(layer.unpacked)}, ${megabytes(layer.compressed)}`,
      ),
      ...runs.map(({ command, code, seconds }) => `  ${command}: exit code ${code}, ${seconds.toFixed(1)} s`),
      ...(device === 'gpu'
        ? [`  on a simulated GPU: ${onGpu.join('; ') || 'all libraries are opened, and training steps go through'}`]
        : []),
    ];
  });
}
