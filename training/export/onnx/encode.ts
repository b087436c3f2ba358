import { type ShapedLayer, shapesOf } from '../../nets/shapes.ts';
import { metadataOf, orderedWeights, type TrainedNet } from '../trained-net.ts';
import { OnnxGraph, type Weight, type Window } from './graph.ts';

/**
 * Writes a trained net as an ONNX model, for any runtime with opset 20 (ONNX Runtime from 1.17). It takes `images`, uint8 RGB
 * `[N, H, W, C]`, for any N, and returns `probabilities` and `logits`, float32 `[N, classes]`; the probabilities include the
 * temperature. Nothing is folded: runtimes do that as they load a model. The description is the model's metadata.
 *
 * @returns the file; the same net and weights give the same bytes
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's
 */
export function encodeOnnx(trained: TrainedNet): Uint8Array {
  const { net, temperature } = trained;
  const weights = new Map(orderedWeights(trained).map((weight) => [weight.name, weight]));
  const graph = new OnnxGraph();
  /** What each layer's output is called in the graph. */
  const outputs = new Map<string, string>();
  for (const shaped of shapesOf(net)) {
    const inputs = shaped.inputs.map((name) => outputs.get(name)!);
    outputs.set(shaped.layer.name, add(graph, shaped, inputs, weights));
  }
  const logits = outputs.get(net.layers.at(-1)!.name)!;
  graph.softmaxOutput('probabilities', graph.scale('sharpened', logits, 1 / temperature), net.classes);
  graph.output('logits', logits, net.classes);
  return graph.encode(net.name, metadataOf(trained));
}

/**
 * @param inputs names in the graph
 * @returns the name of the layer's output; that of its input where the layer does nothing
 */
function add(
  graph: OnnxGraph,
  { layer, input, output }: ShapedLayer,
  inputs: readonly string[],
  weights: ReadonlyMap<string, Weight>,
): string {
  // Nodes have the names of layers, with a prefix that no layer can have: a layer may be called "logits", as an output is.
  const name = `net/${layer.name}`;
  const weight = (role: string) => weights.get(`${layer.name}/${role}`)!;
  const bias = () => weights.get(`${layer.name}/bias`)?.data;
  const from = inputs[0]!;
  switch (layer.kind) {
    case 'normalization':
      return graph.imageInput('images', input as readonly [number, number, number], {
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
    case 'average-pooling': {
      const { size, stride = size } = layer;
      const window = { size, ...windowOf(input, output, size, stride) };
      return layer.kind === 'max-pooling'
        ? graph.maxPooling(name, from, window)
        : graph.averagePooling(name, from, window);
    }
    case 'global-pooling':
      return graph.globalPooling(name, from, layer.function);
    case 'channel-padding':
      return graph.paddedShortcut(name, from, { stride: layer.stride, channels: layer.filters - input.at(-1)! });
    case 'add':
      return graph.sum(name, inputs);
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

/** TensorFlow's padding: what a 'same' window needs, the odd pixel at the end; nothing for a 'valid' window. */
function windowOf(input: readonly number[], output: readonly number[], size: number, stride: number): Window {
  const [vertical, horizontal] = [0, 1].map((side) =>
    Math.max(0, (output[side]! - 1) * stride + size - input[side]!),
  ) as [number, number];
  const [top, left] = [Math.floor(vertical / 2), Math.floor(horizontal / 2)];
  return { stride, pads: [top, left, vertical - top, horizontal - left] };
}
