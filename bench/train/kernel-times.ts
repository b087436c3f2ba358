import { median } from '#environment/median.ts';
import type { Net } from '#training/nets/net.ts';
import { type ShapedLayer, shapesOf } from '#training/nets/shapes.ts';
import { flopsOfLayers } from './flops.ts';
import type { Primitive } from './onednn-verbose.ts';

/** The calls in a training step of one kernel with one shape. */
export interface KernelTime {
  /** For example `convolution, filter gradient`. */
  readonly kernel: string;
  /** The layers with these shapes, comma-separated; if there are none, the shapes in oneDNN's notation. */
  readonly layers: string;
  readonly implementation: string;
  /** Number of calls per step. */
  readonly calls: number;
  /** Time per step: the median time of a call, times the number of calls. */
  readonly milliseconds: number;
  /** Speed in GFLOP/s; only for convolutions. */
  readonly gflops?: number;
}

/**
 * Groups the calls of primitives by kernel, shape and implementation.
 *
 * @param steps number of steps in which the primitives ran
 * @returns the groups, slowest first
 */
export function kernelTimes(
  primitives: readonly Primitive[],
  net: Net,
  batchSize: number,
  steps: number,
): KernelTime[] {
  const groups = new Map<string, Primitive[]>();
  for (const primitive of primitives) {
    const key = [kernelOf(primitive), primitive.problem, primitive.implementation].join();
    groups.set(key, [...(groups.get(key) ?? []), primitive]);
  }
  const forward = new Map(flopsOfLayers(net, new Set()).map(({ layer, forward }) => [layer, forward * batchSize]));
  return [...groups.values()]
    .map((group) => {
      const [primitive] = group as [Primitive];
      const one = median(group.map(({ milliseconds }) => milliseconds));
      const calls = group.length / steps;
      const layers = shapesOf(net)
        .filter((shaped) => matchesLayer(primitive, shaped, batchSize))
        .map(({ layer }) => layer.name);
      const flops = primitive.kind === 'convolution' ? forward.get(layers[0] ?? '') : undefined;
      return {
        kernel: kernelOf(primitive),
        layers: layers.length > 0 ? layers.join(', ') : primitive.problem,
        implementation: primitive.implementation,
        calls,
        milliseconds: one * calls,
        ...(flops !== undefined && { gflops: flops / one / 1e6 }),
      };
    })
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

function kernelOf({ kind, propagation }: Primitive): string {
  if (['matmul', 'inner_product', 'gemm_api'].includes(kind)) return 'matrix product';
  if (propagation === 'backward_weights') return `${words(kind)}, filter gradient`;
  if (propagation.startsWith('backward')) return `${words(kind)}, data gradient`;
  return propagation.startsWith('forward') ? `${words(kind)}, forward` : words(kind);
}

function words(kind: string): string {
  return kind.replaceAll('_', ' ');
}

/** Whether a primitive's shapes match those of a layer. Several layers may match. */
function matchesLayer({ kind, problem }: Primitive, { layer, input }: ShapedLayer, batchSize: number): boolean {
  const size = (name: string) => Number(new RegExp(`(?<![a-z])${name}(\\d+)`).exec(problem)?.[1]);
  const [height, , channels = 0] = input;
  const numbers = problem.match(/\d+/g)?.map(Number) ?? [];
  switch (layer.kind) {
    case 'convolution':
      if (kind === 'reorder') return problem === [layer.filters, channels, layer.kernel, layer.kernel].join('x');
      if (kind !== 'convolution' || size('kh') !== layer.kernel || size('ih') !== height) return false;
      return size('ic') === channels && size('oc') === layer.filters;
    case 'max-pooling':
      return kind === 'pooling' && size('ic') === channels && size('ih') === height && size('kh') === layer.size;
    case 'batch-normalization':
      return kind === 'batch_normalization' && size('ic') === channels && size('ih') === height;
    case 'dense': {
      const sizes = new Set([batchSize, input[0], layer.units]);
      return (
        kernelOf({ kind, propagation: '' } as Primitive) === 'matrix product' && isSameSet(sizes, new Set(numbers))
      );
    }
    default:
      return false;
  }
}

function isSameSet(one: ReadonlySet<unknown>, other: ReadonlySet<unknown>): boolean {
  return one.size === other.size && [...one].every((value) => other.has(value));
}
