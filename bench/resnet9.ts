import * as tf from '@tensorflow/tfjs';

/** The files of a TensorFlow.js LayersModel. */
export interface LayersModelFiles {
  readonly modelJson: Uint8Array;
  readonly weightsBin: Uint8Array;
}

/**
 * The ResNet-9 that won DAWNBench: 6.6 million weights, two residual blocks, batch normalization and ReLU after each
 * convolution. Untrained, with random batch-normalization statistics. Saved by TensorFlow.js: nothing is folded.
 *
 * @see David Page, How to Train Your ResNet, part 4; https://myrtle.ai/learn/how-to-train-your-resnet-4-architecture/
 */
export async function resnet9(): Promise<LayersModelFiles> {
  await tf.setBackend('cpu');
  const input = tf.input({ shape: [32, 32, 3] });
  const prepared = convolution(apply(tf.layers.rescaling({ scale: 4 / 255, offset: -2 }), input), 64);
  const layer1 = residual(pooled(convolution(prepared, 128), 2)); // [16, 16, 128]
  const layer2 = pooled(convolution(layer1, 256), 2); // [8, 8, 256]
  const layer3 = residual(pooled(convolution(layer2, 512), 2)); // [4, 4, 512]
  const features = apply(tf.layers.flatten(), pooled(layer3, 4)); // [512]
  const classes = apply(
    tf.layers.dense({ units: 10, useBias: false, kernelInitializer: random(1 / Math.sqrt(512)) }),
    features,
  );
  const logits = apply(tf.layers.rescaling({ scale: 0.125 }), classes);
  return files(tf.model({ inputs: input, outputs: logits, name: 'resnet9' }));
}

function convolution(from: tf.SymbolicTensor, filters: number): tf.SymbolicTensor {
  const kernelInitializer = random(Math.sqrt(2 / (9 * from.shape[3]!)));
  const options = { filters, kernelSize: 3, padding: 'same', useBias: false, kernelInitializer } as const;
  const normalization = tf.layers.batchNormalization({
    betaInitializer: random(0.1),
    movingMeanInitializer: random(0.1),
    movingVarianceInitializer: tf.initializers.randomUniform({ minval: 0.5, maxval: 2, seed: seed++ }),
  });
  return apply(
    tf.layers.activation({ activation: 'relu' }),
    apply(normalization, apply(tf.layers.conv2d(options), from)),
  );
}

function residual(from: tf.SymbolicTensor): tf.SymbolicTensor {
  const filters = from.shape[3]!;
  return tf.layers.add().apply([from, convolution(convolution(from, filters), filters)]) as tf.SymbolicTensor;
}

function pooled(from: tf.SymbolicTensor, poolSize: number): tf.SymbolicTensor {
  return apply(tf.layers.maxPooling2d({ poolSize }), from);
}

function apply(layer: tf.layers.Layer, from: tf.SymbolicTensor): tf.SymbolicTensor {
  return layer.apply(from) as tf.SymbolicTensor;
}

let seed = 1;

function random(stddev: number) {
  return tf.initializers.randomNormal({ stddev, seed: seed++ });
}

async function files(model: tf.LayersModel): Promise<LayersModelFiles> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save({
    save: async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  const { modelTopology, weightSpecs, weightData } = saved!;
  const json = { modelTopology, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] };
  model.dispose();
  return {
    modelJson: new TextEncoder().encode(JSON.stringify(json)),
    weightsBin: new Uint8Array(weightData as ArrayBuffer),
  };
}
