import { sizeOf } from '#models/size-of.ts';
import type { Optimizer } from '../../../recipe/optimizer.ts';
import { ORTHOGONALIZATION } from '../../newton-schulz.ts';
import type { Graph, Value, Variable } from '../builder/graph.ts';
import { add, divide, multiply, square, squareRoot, subtract, sum } from '../operations/arithmetic.ts';
import { product } from '../operations/matmul.ts';
import { reshape } from '../operations/shape.ts';
import type { GraphOptimizer } from './optimizer.ts';

/**
 * Momentum, orthogonalized: `v ← μ v + g`, then `w ← √filters w / ‖w‖ - η O(g + μ v)`. A kernel is a matrix with a column
 * for each filter; O makes its singular values about 1, so that all directions learn at the same rate. Since the norm of a kernel is
 * set back in each step, the learning rate says how far a step turns it.
 *
 * @see Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; airbench, `airbench94_muon.py`
 */
export function muon(
  graph: Graph,
  weights: readonly Variable[],
  { momentum }: Extract<Optimizer, { kind: 'muon' }>,
): GraphOptimizer {
  const velocities = weights.map((weight) => graph.variable(`${weight.name}/momentum`, weight.shape));
  return {
    slots: velocities,
    update: (gradients, learningRate) =>
      weights.flatMap((weight, index) => {
        const [gradient, velocity] = [gradients[index]!, velocities[index]!];
        const moved = add(graph, multiply(graph, velocity.value, momentum), gradient);
        const ahead = add(graph, gradient, multiply(graph, moved, momentum));
        const filters = weight.shape.at(-1)!;
        const matrix = reshape(graph, ahead, [sizeOf(weight.shape) / filters, filters]);
        const turn = reshape(graph, orthogonalize(graph, matrix), weight.shape);
        const size = divide(graph, Math.sqrt(filters), norm(graph, weight.value));
        const updated = subtract(graph, multiply(graph, weight.value, size), multiply(graph, turn, learningRate));
        return [graph.assign(weight, updated), graph.assign(velocity, moved)];
      }),
  };
}

/**
 * `X ← X (a + b A + c A²)` a few times, A being the Gram matrix of the smaller side. The factors commute, and A follows from the one
 * before, so that all rounds are computed on that side alone, and the larger matrix is multiplied once in the end.
 *
 * Between two sums is a product: TensorFlow merges sums of sums, in another order within a loop than outside, and the same steps
 * would differ in their last bits.
 */
function orthogonalize(graph: Graph, matrix: Value): Value {
  const { a, b, c, rounds, epsilon } = ORTHOGONALIZATION;
  const [rows = 0, columns = 0] = matrix.shape;
  const isWide = rows < columns;
  const start = divide(graph, matrix, add(graph, norm(graph, matrix), epsilon));
  let gram = product(graph, start, start, { transposeOne: !isWide, transposeOther: isWide });
  const one = identity(graph, Math.min(rows, columns));
  let factors: Value | undefined;
  for (let round = 0; round < rounds; round++) {
    const inner = add(graph, multiply(graph, one, b), multiply(graph, gram, c));
    const factor = add(graph, multiply(graph, one, a), product(graph, gram, inner));
    if (round < rounds - 1) gram = product(graph, product(graph, gram, factor), factor);
    factors = factors === undefined ? factor : product(graph, factors, factor);
  }
  return isWide ? product(graph, factors!, start) : product(graph, start, factors!);
}

function identity(graph: Graph, size: number): Value {
  const values = new Float32Array(size ** 2);
  for (let at = 0; at < values.length; at += size + 1) values[at] = 1;
  return graph.constant({ type: 'float32', shape: [size, size], values });
}

function norm(graph: Graph, value: Value): Value {
  return squareRoot(graph, sum(graph, square(graph, value)));
}
