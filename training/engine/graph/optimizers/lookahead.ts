import type { Graph, Operation, Value, Variable } from '../builder/graph.ts';
import { add, multiply, subtract } from '../operations/arithmetic.ts';

export interface Lookahead {
  /** The slow average of each variable, in their order; it starts where the variable does. */
  readonly slow: readonly Variable[];
  /** @param decay `[]` */
  update(decay: Value): readonly Operation[];
}

/**
 * Sets the variables to their slow average: `s ← d s + (1 - d) w`, then `w ← s`.
 *
 * @see airbench, arXiv:2404.00498 §3; Zhang et al., arXiv:1907.08610
 */
export function lookahead(graph: Graph, variables: readonly Variable[]): Lookahead {
  const slow = variables.map(({ name, shape }) => graph.variable(`${name}/slow`, shape));
  return {
    slow,
    update: (decay) =>
      variables.flatMap((variable, index) => {
        const average = slow[index]!;
        const kept = multiply(graph, average.value, decay);
        const blended = add(graph, kept, multiply(graph, variable.value, subtract(graph, 1, decay)));
        return [graph.assign(average, blended), graph.assign(variable, blended)];
      }),
  };
}
