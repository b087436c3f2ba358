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

/** Repeats `X ← a X + (b A + c A²) X`, A being the Gram matrix of the smaller side. */
function orthogonalize(graph: Graph, matrix: Value): Value {
  const { a, b, c, rounds, epsilon } = ORTHOGONALIZATION;
  const [rows = 0, columns = 0] = matrix.shape;
  const isWide = rows < columns;
  let turned = divide(graph, matrix, add(graph, norm(graph, matrix), epsilon));
  for (let round = 0; round < rounds; round++) {
    const gram = product(graph, turned, turned, { transposeOne: !isWide, transposeOther: isWide });
    const mixed = add(graph, multiply(graph, gram, b), multiply(graph, product(graph, gram, gram), c));
    const moved = isWide ? product(graph, mixed, turned) : product(graph, turned, mixed);
    turned = add(graph, multiply(graph, turned, a), moved);
  }
  return turned;
}

function norm(graph: Graph, value: Value): Value {
  return squareRoot(graph, sum(graph, square(graph, value)));
}
