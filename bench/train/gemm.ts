/**
 * The peak that training is measured by: products of 2048x2048 matrices by TensorFlow, in a process like that of our
 * contestant. `gemm.ts <precision>`; `contestant.ts` says what is read and printed.
 */
import { createInterface } from 'node:readline';
import { Graph } from '#training/engine/graph/builder/graph.ts';
import { cast, mean, toFloat } from '#training/engine/graph/operations/arithmetic.ts';
import { matmul } from '#training/engine/graph/operations/matmul.ts';
import { openSession } from '#training/engine/graph/session.ts';
import { loadTensorFlow } from '#training/engine/tensorflow.ts';
import { random } from '#training/random/random.ts';

const size = 2048;
/** One after the other, so that what else a call does is lost among them. */
const productsOfCall = 8;
const precision = process.argv[2] === 'bfloat16' ? 'bfloat16' : 'float32';
const tensorflow = await loadTensorFlow();
const graph = new Graph({ compileFunctions: false });
const given = graph.placeholder('matrix', [size, size]);
const matrix = cast(graph, given, precision);
let power = matrix;
for (let count = 0; count < productsOfCall; count++) power = matmul(graph, power, matrix);
const computed = mean(graph, toFloat(graph, power));
const session = openSession(tensorflow, graph);
const draw = random(1);
const values = Float32Array.from({ length: size * size }, () => (draw.uniform() - 0.5) * Math.sqrt(12 / size)); // products keep this size
session.run([[given, values]], [computed]);
process.stdout.write(`${JSON.stringify({ name: `TensorFlow, ${precision}`, version: tensorflow.version })}\n`);

for await (const line of createInterface(process.stdin)) {
  const began = performance.now();
  const calls = Math.ceil(Number(line) / productsOfCall);
  for (let call = 0; call < calls; call++) session.run([[given, values]], [computed]);
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds, products: calls * productsOfCall })}\n`);
}
session.dispose();
