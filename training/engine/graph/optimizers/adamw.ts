import type { Optimizer } from '../../../recipe/optimizer.ts';
import type { Graph, Value, Variable } from '../builder/graph.ts';
import { add, divide, multiply, power, square, squareRoot, subtract } from '../operations/arithmetic.ts';
import type { GraphOptimizer } from './optimizer.ts';

/**
 * Adam with decoupled weight decay, as in PyTorch: both moments are corrected for their start at zero, and epsilon is
 * added after that.
 *
 * @param group names the counter of updates
 * @see Loshchilov and Hutter, arXiv:1711.05101
 */
export function adamw(
  graph: Graph,
  group: string,
  weights: readonly Variable[],
  { beta1, beta2, epsilon, weightDecay }: Extract<Optimizer, { kind: 'adamw' }>,
): GraphOptimizer {
  const firstMoments = weights.map((weight) => graph.variable(`${weight.name}/first_moment`, weight.shape));
  const secondMoments = weights.map((weight) => graph.variable(`${weight.name}/second_moment`, weight.shape));
  const updates = graph.variable(`${group}/updates`, []);

  /** `β m + (1 - β) x` */
  const decay = (moment: Value, beta: number, value: Value) =>
    add(graph, multiply(graph, moment, beta), multiply(graph, value, 1 - beta));

  return {
    slots: [...firstMoments, ...secondMoments, updates],
    update(gradients, learningRate) {
      const count = add(graph, updates.value, 1);
      const unbias = (moment: Value, beta: number) =>
        divide(graph, moment, subtract(graph, 1, power(graph, beta, count)));
      const kept = subtract(graph, 1, multiply(graph, learningRate, weightDecay));
      const assignments = weights.flatMap((weight, index) => {
        const [gradient, first, second] = [gradients[index]!, firstMoments[index]!, secondMoments[index]!];
        const mean = decay(first.value, beta1, gradient);
        const meanSquare = decay(second.value, beta2, square(graph, gradient));
        const scale = add(graph, squareRoot(graph, unbias(meanSquare, beta2)), epsilon);
        const step = multiply(graph, divide(graph, unbias(mean, beta1), scale), learningRate);
        const updated = subtract(graph, multiply(graph, weight.value, kept), step);
        return [graph.assign(weight, updated), graph.assign(first, mean), graph.assign(second, meanSquare)];
      });
      return [...assignments, graph.assign(updates, count)];
    },
  };
}
