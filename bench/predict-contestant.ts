import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { quantile } from './statistics.ts';

/** `predict-contestant.ts <engine> <folder> <images>`: one engine, one network, a number of images at once. */
const [engine = '', folder = '', images = '1'] = process.argv.slice(2);
const file = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
const pixels = file('images.bin').subarray(0, Number(images) * 32 * 32 * 3);

interface Opened {
  readonly version: string;
  /** @returns `[images, classes]` logits */
  readonly predict: () => Promise<Float32Array> | Float32Array;
}

const engines: Record<string, () => Promise<Opened>> = {
  ours: async () => {
    const { parseLayersModel } = await import('#inference/engine/model/layers-model.ts');
    const { lowerModel } = await import('#inference/engine/model/lower.ts');
    const { openNetwork } = await import('#inference/engine/network.ts');
    const network = await openNetwork(lowerModel(parseLayersModel(file('model.json'), file('weights.bin'))));
    return { version: 'this commit', predict: () => network.logits(pixels) };
  },
  tfjs: async () => {
    const tf = await import('@tensorflow/tfjs');
    await import('@tensorflow/tfjs-backend-wasm');
    await tf.setBackend('wasm');
    const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
    const weightData = file('weights.bin').slice().buffer;
    const model = await tf.loadLayersModel({
      load: async () => ({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
    });
    const count = Number(images);
    const predict = () =>
      tf.tidy(() => {
        const batch = tf.tensor4d(Float32Array.from(pixels), [count, 32, 32, 3]);
        const logits = model.predict(batch, { batchSize: count }) as ReturnType<typeof tf.tensor>;
        return logits.dataSync<'float32'>();
      });
    return { version: `${tf.version['tfjs-core']}, WebAssembly SIMD`, predict };
  },
  'onnxruntime-web': () => onnxRuntime('onnxruntime-web'),
  'onnxruntime-node': () => onnxRuntime('onnxruntime-node'),
};

/** As far as it is used here. */
interface OnnxRuntime {
  readonly env: { readonly versions: { readonly common: string }; readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: 'uint8', data: Uint8Array, shape: readonly number[]) => object;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      run(inputs: object): Promise<{ readonly logits: { readonly data: Float32Array } }>;
    }>;
  };
}

/** One thread, as in Lambda. */
async function onnxRuntime(name: 'onnxruntime-web' | 'onnxruntime-node'): Promise<Opened> {
  const runtime: OnnxRuntime = createRequire(join(process.env.BENCH_PEERS ?? '.', 'package.json'))(name);
  if (name === 'onnxruntime-web') runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create(file('model.onnx'), {
    ...{ intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' },
  });
  const count = Number(images);
  return {
    version: `${runtime.env.versions.common}, one thread`,
    async predict() {
      const { logits } = await session.run({ images: new runtime.Tensor('uint8', pixels, [count, 32, 32, 3]) });
      return logits.data;
    },
  };
}

const { version, predict } = await engines[engine]!();
process.stdout.write(`${JSON.stringify({ name: engine, version })}\n`);
for await (const line of createInterface(process.stdin)) {
  const times: number[] = [];
  let logits: Float32Array = new Float32Array(0);
  for (let count = 0; count < Number(line); count++) {
    const started = performance.now();
    logits = await predict();
    times.push(performance.now() - started);
  }
  process.stdout.write(`${JSON.stringify({ median: quantile(times, 0.5), logits: [...logits.subarray(0, 10)] })}\n`);
}
