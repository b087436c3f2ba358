import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readersPython } from '#setup/readers.mjs';
import { encodeOnnx } from '#training/export/onnx/encode.ts';
import { decodeWeights, weightsFile } from '#training/export/weights.ts';
import { type Question, type Runtime, RuntimeMissing } from './runtime.ts';

const PREPARE = `
import json, sys, time
import numpy as np
folder, shape, temperature = sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3])
images = np.fromfile(f'{folder}/images', np.uint8).reshape(shape)
`;

const FINISH = `
batches = [images[at:at + 200] for at in range(0, len(images), 200)]
answer(batches[0])  # Compiles for images of this number.
began = time.perf_counter()
probabilities = np.concatenate([answer(batch) for batch in batches])
milliseconds = 1000 * (time.perf_counter() - began) / len(images)
probabilities.astype(np.float64).tofile(f'{folder}/probabilities')
print(json.dumps({'runtime': runtime, 'milliseconds': milliseconds}))
`;

/** `model.h5`, by the backend whose convolutions are fast on a processor. */
export const keras: Runtime = (question) =>
  inPython(
    question,
    'model.h5',
    async ({ file }) => file('model.h5'),
    `
import keras, jax
model = keras.models.load_model(f'{folder}/model.h5', compile=False)
runtime = f'Keras {keras.__version__} on JAX {jax.__version__}'
def answer(some):
    logits = np.asarray(model(some.astype(np.float32)), np.float64) / temperature
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)
`,
  );

/** The exported ONNX model. */
export const onnxRuntime: Runtime = (question) =>
  inPython(
    question,
    'model.onnx',
    async ({ file }) => encodeOnnx(decodeWeights(file(weightsFile))),
    `
import onnxruntime
session = onnxruntime.InferenceSession(f'{folder}/model.onnx')
runtime = f'ONNX Runtime {onnxruntime.__version__}'
def answer(some):
    return session.run(['probabilities'], {'images': some})[0]
`,
  );

async function inPython(
  { version, images, count, folder }: Question,
  name: string,
  encode: (version: Question['version']) => Promise<Uint8Array>,
  program: string,
): ReturnType<Runtime> {
  const python = readersPython();
  if (python === undefined) {
    throw new RuntimeMissing('It is not installed. "npm run setup -- --with-tests" installs it.');
  }
  const needed = name === 'model.onnx' ? weightsFile : name;
  if (!version.manifest.files.some(({ path }) => path === needed)) {
    throw new RuntimeMissing(`The version has no ${needed}: an earlier release made it.`);
  }
  await writeFile(join(folder, name), await encode(version));
  await writeFile(join(folder, 'images'), images);
  const { height, width, channels } = version.card.input;
  const args = [folder, JSON.stringify([count, height, width, channels]), String(version.card.temperature)];
  const { stdout } = await promisify(execFile)(
    python,
    ['-W', 'ignore', '-c', `${PREPARE}${program}${FINISH}`, ...args],
    { env: { ...process.env, KERAS_BACKEND: 'jax' } },
  );
  const { runtime, milliseconds } = JSON.parse(stdout.trim().split('\n').at(-1)!);
  const written = await readFile(join(folder, 'probabilities'));
  const probabilities = new Float64Array(written.buffer.slice(written.byteOffset, written.byteOffset + written.length));
  return { runtime, milliseconds, probabilities };
}
