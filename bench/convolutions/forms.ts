import { median } from '#environment/median.ts';
import { UsageError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';
import { Graph, type Value } from '#training/engine/graph/builder/graph.ts';
import { cast, sum, toFloat } from '#training/engine/graph/operations/arithmetic.ts';
import { openSession, type Session } from '#training/engine/graph/session.ts';
import { loadTensorFlow } from '#training/engine/tensorflow.ts';
import { airbenchNet } from '#training/nets/airbench.ts';
import { resizedNet, shapesOf } from '#training/nets/shapes.ts';
import { random } from '#training/random/random.ts';
import type { Precision } from '#training/recipe/precision.ts';
import { writeResults } from '../results.ts';
import { aligned } from '../train/table.ts';

export interface Options {
  /** Filters of airbench's three groups, whose convolutions are measured. */
  readonly widths: readonly [number, number, number];
  readonly batch: number;
  /** Sizes of images, in pixels. @default 32 and 24 */
  readonly sizes?: readonly number[];
  readonly rounds: number;
}

/** What slides over what: a square feature map, its channels, and the filters of a 3x3 kernel. */
interface Shape {
  readonly side: number;
  readonly channels: number;
  readonly filters: number;
}

export const sliding = { stride: 1, padding: 'same' } as const;

interface Operands {
  /** `[N, side, side, channels]` */
  readonly images: Value;
  /** `[3, 3, channels, filters]` */
  readonly kernel: Value;
  /** `[N, side, side, filters]`: the gradient of the convolution's result */
  readonly upstream: Value;
}

/** A way to compute something of a convolution. */
export interface Form {
  readonly build: (graph: Graph, operands: Operands) => readonly Value[];
  /** How many times the operations of a convolution it computes. */
  readonly passes: number;
}

/**
 * Measures forms of a convolution of airbench's net, one after the other in each round, and prints GFLOP/s, counted as the operations of
 * the direct form: by the clock, and by the processor time of all threads, which other programs on the machine change less.
 *
 * @param forms by name; the values of the first two are compared
 * @param given options beside those, as they were given
 * @throws {UsageError} there are no rounds
 */
export async function benchmarkForms(
  command: string,
  forms: Readonly<Record<string, Form>>,
  { widths, batch, sizes = [32, 24], rounds }: Options,
  precisions: readonly Precision[],
  given: readonly string[] = [],
): Promise<void> {
  if (!(rounds >= 1)) throw new UsageError(`--rounds must be at least 1, not ${rounds}.`);
  const measured: object[] = [];
  const { threads } = await loadTensorFlow();
  for (const precision of precisions) {
    const rows = [['', ...Object.keys(forms), 'largest difference']];
    for (const shape of shapesFor(widths, sizes)) {
      const { speeds, difference } = await measureShape(shape, forms, { batch, precision, rounds });
      measured.push({ ...shape, batch, precision, speeds, difference });
      const cells = Object.values(speeds).map(
        ({ clock, processor }) => `${whole(clock)} (${whole(processor * threads)})`,
      );
      rows.push([describe(shape), ...cells, difference.toExponential(0)]);
    }
    const heading = `${precision}, batch ${batch}: GFLOP/s by the clock (by processor time, times ${threads} threads)`;
    process.stdout.write(`\n${[heading, ...aligned(rows)].join('\n')}\n`);
  }
  const options = [
    `--widths ${widths}`,
    `--batch ${batch}`,
    `--sizes ${sizes.join(' ')}`,
    ...given,
    `--rounds ${rounds}`,
  ];
  const full = `npm run bench -- ${command} ${options.join(' ')}`;
  process.stdout.write(`${(await writeResults(command, full, { measured, threads })).join('\n')}\n`);
}

/** The 3x3 convolutions of the net at each size, each shape once. */
function shapesFor(widths: Options['widths'], sizes: readonly number[]): Shape[] {
  const net = airbenchNet(widths);
  const shapes = sizes.flatMap((size) =>
    shapesOf(resizedNet(net, size)).flatMap(({ layer, input: [side = 0, , channels = 0] }) =>
      layer.kind === 'convolution' && layer.kernel === 3 ? [{ side, channels, filters: layer.filters }] : [],
    ),
  );
  return [...new Map(shapes.map((shape) => [describe(shape), shape])).values()];
}

function describe({ side, channels, filters }: Shape): string {
  return `${side}x${side}, ${channels} to ${filters}`;
}

interface Speed {
  /** GFLOP/s: medians over the rounds. */
  readonly clock: number;
  /** GFLOP in a second of processor time. */
  readonly processor: number;
}

async function measureShape(
  { side, channels, filters }: Shape,
  forms: Readonly<Record<string, Form>>,
  { batch, precision, rounds }: { readonly batch: number; readonly precision: Precision; readonly rounds: number },
): Promise<{ readonly speeds: Readonly<Record<string, Speed>>; readonly difference: number }> {
  const graph = new Graph({ compileFunctions: false });
  const draw = random(1);
  const given = [
    { name: 'images', shape: [batch, side, side, channels] },
    { name: 'kernel', shape: [3, 3, channels, filters] },
    { name: 'upstream', shape: [batch, side, side, filters] },
  ].map(({ name, shape }) => {
    const variable = graph.variable(name, shape, precision);
    const placeholder = graph.placeholder(`${name}_given`, shape);
    const assigned = graph.after('set', graph.scalar(0), [graph.assign(variable, cast(graph, placeholder, precision))]);
    const values = Float32Array.from({ length: sizeOf(shape) }, () => draw.uniform() - 0.5);
    return { variable, placeholder, assigned, values };
  });
  const [images, kernel, upstream] = given.map(({ variable }) => variable.value) as [Value, Value, Value];
  const results = Object.entries(forms).map(([name, { build, passes }]) => {
    const built = graph.scope(name, () => build(graph, { images, kernel, upstream }));
    const values = built.map((value) => toFloat(graph, value));
    return { name, passes, values, done: values.map((value) => sum(graph, value)) };
  });
  const session = openSession(await loadTensorFlow(), graph);
  session.run(
    given.map(({ placeholder, values }) => [placeholder, values]),
    given.map(({ assigned }) => assigned),
  );
  const flops = 2 * batch * side ** 2 * 9 * channels * filters;
  const [first, second] = results.map(({ values }) => values);
  const [expected, compared] = [session.run([], first!), session.run([], second!)];
  const difference = Math.max(...expected.map((values, index) => largestDifference(values, compared[index]!)));
  const times = new Map(results.map(({ name }) => [name, [] as { clock: number; processor: number }[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, done } of results) {
      const took = timed(session, done);
      if (round > 0) times.get(name)!.push(took); // The first one allocates.
    }
  }
  session.dispose();
  const speeds = results.map(({ name, passes }) => {
    const all = times.get(name)!;
    const speed = (of: readonly number[]) => (passes * flops) / median(of) / 1e9;
    const clock = speed(all.map((each) => each.clock));
    return [name, { clock, processor: speed(all.map((each) => each.processor)) }] as const;
  });
  return { speeds: Object.fromEntries(speeds), difference };
}

/** Repeats a call until a tenth of a second has passed. @returns seconds of one */
function timed(session: Session, done: readonly Value[]): { readonly clock: number; readonly processor: number } {
  const before = process.cpuUsage();
  const began = performance.now();
  let calls = 0;
  do {
    session.run([], done);
    calls++;
  } while (performance.now() - began < 100);
  const clock = (performance.now() - began) / 1000 / calls;
  const { user, system } = process.cpuUsage(before);
  return { clock, processor: (user + system) / 1e6 / calls };
}

/** As a share of the largest value. */
function largestDifference(one: Float32Array, other: Float32Array): number {
  let [difference, largest] = [0, 0];
  for (const [at, value] of one.entries()) {
    difference = Math.max(difference, Math.abs(value - other[at]!));
    largest = Math.max(largest, Math.abs(value));
  }
  return difference / largest;
}

function whole(value: number): string {
  return value.toFixed(0);
}
