import type { Operation, Value, Variable } from '../builder/graph.ts';

/** An optimizer's updates, as operations in a training graph: a step runs them after its gradients. */
export interface GraphOptimizer {
  /** Variables that it keeps from step to step; each starts at zero. */
  readonly slots: readonly Variable[];

  /**
   * @param gradients one for each of the group's weights, in their order
   * @param learningRate `[]`
   */
  update(gradients: readonly Value[], learningRate: Value): readonly Operation[];
}
