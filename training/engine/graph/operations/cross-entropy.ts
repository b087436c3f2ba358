import { type Graph, show, type Value } from '../builder/graph.ts';
import { multiply, toInteger } from './arithmetic.ts';
import { reshape } from './shape.ts';

/**
 * The cross-entropy of each image: of softmax(logits) with its label, smoothed.
 *
 * @param logits `[N, classes]`
 * @param labels `[N]` uint8 or int32, class indices
 * @param smoothing the share of a label that is spread evenly over all classes, in [0, 1)
 * @returns `[N]`
 */
export function crossEntropy(graph: Graph, logits: Value, labels: Value, smoothing: number): Value {
  const [batch = 0, classes = 0] = logits.shape;
  if (logits.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== batch) {
    graph.fail(`Logits ${show(logits.shape)} and labels ${show(labels.shape)}: it takes [N, classes] and [N].`);
  }
  if (!(smoothing >= 0 && smoothing < 1)) graph.fail(`A label smoothing of ${smoothing} is not in [0, 1).`);
  const rest = smoothing / classes;
  const targets = graph.value({
    op: 'OneHot',
    inputs: [
      toInteger(graph, labels),
      graph.constant({ type: 'int32', shape: [], values: Int32Array.of(classes) }),
      graph.scalar(1 - smoothing + rest),
      graph.scalar(rest),
    ],
    shape: [batch, classes],
    attributes: { T: { type: 'float32' }, TI: { type: 'int32' }, axis: { integer: -1 } },
  });
  const { outputs } = graph.add({
    op: 'SoftmaxCrossEntropyWithLogits',
    inputs: [logits, targets],
    outputs: [{ shape: [batch] }, { shape: logits.shape }],
    attributes: { T: { type: 'float32' } },
    gradient: (upstream) => [() => multiply(graph, slope, reshape(graph, upstream, [batch, 1])), undefined],
  });
  const [losses, slope] = outputs as [Value, Value];
  return losses;
}
