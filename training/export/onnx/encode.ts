import type { ShapedLayer } from '../../nets/shapes.ts';
import { shapesOf } from '../../nets/shapes.ts';
import { metadataOf, orderedWeights, type TrainedNetwork } from '../network.ts';
import { OnnxGraph, type Weight, type Window } from './graph.ts';

/**
 * A network as an ONNX model, for any runtime of opset 20 (ONNX Runtime from 1.17). It takes `images`, uint8 RGB
 * `[N, H, W, C]`, for any N, and gives `probabilities` and `logits`, float32 `[N, classes]`; the temperature is in the
 * probabilities. Nothing is folded: runtimes do that themselves as they load it. The description is in its metadata.
 *
 * @returns the file; the same network has the same bytes
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's
 */
export function encodeOnnx(network: TrainedNetwork): Uint8Array {
  const { net, temperature } = network;
  const weights = new Map(orderedWeights(network).map((weight) => [weight.name, weight]));
  const graph = new OnnxGraph();
  let at = '';
  for (const layer of shapesOf(net)) at = add(graph, layer, at, weights);
  graph.softmaxOutput('probabilities', graph.scale('sharpened', at, 1 / temperature), net.classes);
  graph.output('logits', at, net.classes);
  return graph.encode(net.name, metadataOf(network));
}

/** @returns the name of what the layer gives; that of what it reads, where it does nothing */
function add(
  graph: OnnxGraph,
  { layer, input, output }: ShapedLayer,
  from: string,
  weights: ReadonlyMap<string, Weight>,
): string {
  // Nodes have the names of layers, behind a prefix that no layer can have: one may be called "logits", as an output is.
  const name = `net/${layer.name}`;
  const weight = (role: string) => weights.get(`${layer.name}/${role}`)!;
  const bias = () => weights.get(`${layer.name}/bias`)?.data;
  switch (layer.kind) {
    case 'normalization':
      return graph.pictures('images', input as readonly [number, number, number], {
        scale: layer.deviation.map((deviation) => 1 / (255 * deviation)),
        shift: layer.mean.map((mean, channel) => -mean / layer.deviation[channel]!),
      });
    case 'convolution': {
      const window = windowOf(input, output, layer.kernel, layer.stride ?? 1);
      return graph.convolution(name, from, { kernel: weight('kernel'), bias: bias(), ...window });
    }
    case 'batch-normalization': {
      const beta = weight('beta').data;
      const gamma = layer.scale ? weight('gamma').data : new Float32Array(beta.length).fill(1);
      const statistics = { gamma, beta, mean: weight('moving_mean').data, variance: weight('moving_variance').data };
      return graph.batchNormalization(name, from, statistics, layer.epsilon);
    }
    case 'activation':
      return graph.activation(name, from, layer.function);
    case 'max-pooling':
      return graph.maxPooling(name, from, { size: layer.size, ...windowOf(input, output, layer.size, layer.size) });
    case 'dropout':
      return from;
    case 'flatten':
      return graph.flatten(name, from);
    case 'dense':
      return graph.dense(name, from, weight('kernel'), bias());
    case 'scale':
      return graph.scale(name, from, layer.by);
  }
}

/** TensorFlow's padding: what a 'same' window lacks, the odd one behind; a 'valid' window lacks nothing. */
function windowOf(input: readonly number[], output: readonly number[], size: number, stride: number): Window {
  const [vertical, horizontal] = [0, 1].map((side) =>
    Math.max(0, (output[side]! - 1) * stride + size - input[side]!),
  ) as [number, number];
  const [top, left] = [Math.floor(vertical / 2), Math.floor(horizontal / 2)];
  return { stride, pads: [top, left, vertical - top, horizontal - left] };
}
