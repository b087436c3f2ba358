import type { Graph, Operation, Value, Variable } from '../builder/graph.ts';
import { add, multiply, subtract } from '../operations/arithmetic.ts';

export interface Lookahead {
  /** The slow average of each variable, in their order; it starts where the variable does. */
  readonly slow: readonly Variable[];
  /**
   * The average moves towards the variables, and they are set to it.
   *
   * @param decay `[]`
   */
  update(decay: Value): readonly Operation[];
  /** The average moves towards the variables, and they stay. */
  follow(decay: Value): readonly Operation[];
}

/**
 * Keeps a slow average of variables: `s ← d s + (1 - d) w`; for lookahead also `w ← s`.
 *
 * @see airbench, arXiv:2404.00498 §3; Zhang et al., arXiv:1907.08610; for averages apart from the weights, Izmailov et al., arXiv:1803.05407
 */
export function lookahead(graph: Graph, variables: readonly Variable[]): Lookahead {
  const slow = variables.map(({ name, shape }) => graph.variable(`${name}/slow`, shape));
  const blended = (variable: Variable, average: Variable, decay: Value) =>
    add(graph, multiply(graph, average.value, decay), multiply(graph, variable.value, subtract(graph, 1, decay)));
  return {
    slow,
    update: (decay) =>
      variables.flatMap((variable, index) => {
        const average = slow[index]!;
        const met = blended(variable, average, decay);
        return [graph.assign(average, met), graph.assign(variable, met)];
      }),
    follow: (decay) =>
      variables.map((variable, index) => graph.assign(slow[index]!, blended(variable, slow[index]!, decay))),
  };
}
