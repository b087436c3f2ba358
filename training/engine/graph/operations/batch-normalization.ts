import { type Graph, show, type Value } from '../builder/graph.ts';
import { fourAxes } from './sliding.ts';

/** Each `[channels]`. */
interface Normalization {
  readonly gamma: Value;
  readonly beta: Value;
  readonly movingMean: Value;
  readonly movingVariance: Value;
  readonly epsilon: number;
}

/** What a training step makes of the running statistics. */
interface NormalizedBatch {
  readonly normalized: Value;
  /** The running statistics, moved towards the batch's: the variance is the unbiased one, as in PyTorch. */
  readonly movingMean: Value;
  readonly movingVariance: Value;
}

/**
 * Normalizes each channel by the batch's mean and (biased) variance.
 *
 * @param images `[N, H, W, C]`
 * @param momentum the share of the running statistics that is kept
 */
export function normalizeBatch(
  graph: Graph,
  images: Value,
  options: Normalization & { readonly momentum: number },
): NormalizedBatch {
  const { gamma, beta, movingMean, movingVariance, epsilon, momentum } = options;
  const channels = checkChannels(graph, images, options);
  const attributes = { ...attributesOf(images, epsilon), is_training: true };
  const { outputs } = graph.add({
    op: 'FusedBatchNormV3',
    inputs: [images, gamma, beta, movingMean, movingVariance],
    outputs: outputShapes(images, channels),
    attributes: { ...attributes, exponential_avg_factor: { float: 1 - momentum } },
    gradient: (upstream) => {
      // One operation gives all three gradients.
      let operation: readonly Value[] | undefined;
      const part = (index: number) => () => {
        operation ??= graph.add({
          op: 'FusedBatchNormGradV3',
          inputs: [upstream, images, gamma, ...reserved],
          outputs: [images, { shape: channels }, { shape: channels }, { shape: [0] }, { shape: [0] }],
          attributes,
        }).outputs;
        return operation[index] as Value;
      };
      return [part(0), part(1), part(2), undefined, undefined];
    },
  });
  const [normalized, nextMean, nextVariance, ...reserved] = outputs as [Value, Value, Value, ...Value[]];
  return { normalized, movingMean: nextMean, movingVariance: nextVariance };
}

/** Normalizes by the running statistics. It has a gradient with respect to the images alone. */
export function normalizeByRunningStatistics(graph: Graph, images: Value, options: Normalization): Value {
  const { gamma, beta, movingMean, movingVariance, epsilon } = options;
  const channels = checkChannels(graph, images, options);
  const attributes = { ...attributesOf(images, epsilon), is_training: false };
  const { outputs } = graph.add({
    op: 'FusedBatchNormV3',
    inputs: [images, gamma, beta, movingMean, movingVariance],
    outputs: outputShapes(images, channels),
    attributes: { ...attributes, exponential_avg_factor: { float: 1 } },
    gradient: (upstream) => [
      () =>
        graph.add({
          op: 'FusedBatchNormGradV3',
          inputs: [upstream, images, gamma, movingMean, movingVariance, outputs[5] as Value],
          outputs: [images, { shape: channels }, { shape: channels }, { shape: [0] }, { shape: [0] }],
          attributes,
        }).outputs[0] as Value,
    ],
  });
  return outputs[0] as Value;
}

function attributesOf({ type }: Value, epsilon: number) {
  return { T: { type }, U: { type: 'float32' }, epsilon: { float: epsilon }, data_format: 'NHWC' } as const;
}

/** The normalized images, mean and variance, and three that only the gradient operation reads. */
function outputShapes(images: Value, channels: readonly number[]) {
  return [images, ...Array.from({ length: 5 }, () => ({ shape: channels }))];
}

function checkChannels(graph: Graph, images: Value, options: Normalization): readonly number[] {
  const [, , , channels] = fourAxes(graph, 'Images', images);
  for (const name of ['gamma', 'beta', 'movingMean', 'movingVariance'] as const) {
    const { shape } = options[name];
    if (shape.length !== 1 || shape[0] !== channels) {
      graph.fail(`${name} is ${show(shape)}; the images ${show(images.shape)} have ${channels} channels.`);
    }
  }
  return [channels];
}
