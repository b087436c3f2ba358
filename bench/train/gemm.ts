/**
 * Measures the peak FLOP/s: products of 2048x2048 matrices by TensorFlow, in a process like that of our contestant.
 * Usage: `gemm.ts <precision>`. `contestant.ts` describes the protocol.
 */
import { createInterface } from 'node:readline';
import { Graph } from '#training/engine/graph/builder/graph.ts';
import { cast, mean, toFloat } from '#training/engine/graph/operations/arithmetic.ts';
import { matmul } from '#training/engine/graph/operations/matmul.ts';
import { openSession } from '#training/engine/graph/session.ts';
import { loadTensorFlow } from '#training/engine/tensorflow.ts';
import { random } from '#training/random/random.ts';

const size = 2048;
/** Products per call: enough for the overhead of a call to be negligible. */
const productsOfCall = 8;
const precision = process.argv[2] === 'bfloat16' ? 'bfloat16' : 'float32';
const tensorflow = await loadTensorFlow();
const graph = new Graph({ compileFunctions: false });
const input = graph.placeholder('matrix', [size, size]);
const matrix = cast(graph, input, precision);
let power = matrix;
for (let count = 0; count < productsOfCall; count++) power = matmul(graph, power, matrix);
const computed = mean(graph, toFloat(graph, power));
const session = openSession(tensorflow, graph);
const draw = random(1);
const values = Float32Array.from({ length: size * size }, () => (draw.uniform() - 0.5) * Math.sqrt(12 / size)); // the products keep this variance
session.run([[input, values]], [computed]);
process.stdout.write(`${JSON.stringify({ name: `TensorFlow, ${precision}`, version: tensorflow.version })}\n`);

for await (const line of createInterface(process.stdin)) {
  const began = performance.now();
  const calls = Math.ceil(Number(line) / productsOfCall);
  for (let call = 0; call < calls; call++) session.run([[input, values]], [computed]);
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds, products: calls * productsOfCall })}\n`);
}
session.dispose();
