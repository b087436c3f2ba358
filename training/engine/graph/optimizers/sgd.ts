import type { Optimizer } from '../../../recipe/optimizer.ts';
import type { Graph, Variable } from '../builder/graph.ts';
import { add, multiply } from '../operations/arithmetic.ts';
import type { GraphOptimizer } from './optimizer.ts';

/**
 * Gradient descent with momentum, as in PyTorch: `v ← μ v + (g + λ w)`, then `w ← w - η v`, or with Nesterov
 * `w ← w - η (g + λ w + μ v)`.
 */
export function sgd(
  graph: Graph,
  weights: readonly Variable[],
  { momentum, nesterov, weightDecay }: Extract<Optimizer, { kind: 'sgd' }>,
): GraphOptimizer {
  const velocities = weights.map((weight) => graph.variable(`${weight.name}/momentum`, weight.shape));
  return {
    slots: velocities,
    update: (gradients, learningRate) =>
      weights.map((weight, index) => {
        const gradient = gradients[index]!;
        const decayed = weightDecay === 0 ? gradient : add(graph, gradient, multiply(graph, weight.value, weightDecay));
        return graph.add({
          op: 'ResourceApplyMomentum',
          inputs: [weight.handle, velocities[index]!.handle, learningRate, decayed, graph.scalar(momentum)],
          attributes: { T: { type: 'float32' }, use_locking: false, use_nesterov: nesterov },
        });
      }),
  };
}
