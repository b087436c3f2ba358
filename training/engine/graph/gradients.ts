import { type Graph, GraphError, type Operation, referenceTo, type Value } from './builder/graph.ts';
import { add } from './operations/arithmetic.ts';

/**
 * Adds the gradients of a scalar with respect to weights, by reverse-mode differentiation: from the scalar backwards,
 * each operation passes on the gradient of its output to those of its inputs that depend on a weight. Nothing is
 * computed for the others, such as images and frozen layers.
 *
 * @param of `[]`
 * @returns one for each weight, of its shape
 */
export function gradients(graph: Graph, of: Value, weights: readonly Value[]): Value[] {
  if (of.shape.length !== 0) throw new GraphError(`${referenceTo(of)} is not a scalar, so it has no gradient.`);
  const operations = [...graph.operations];
  const moves = dependents(operations, weights);
  const totals = new Map<Value, Value>([[of, graph.scalar(1)]]);
  for (const operation of operations.reverse()) {
    const [output, ...others] = operation.outputs;
    const stray = others.find((each) => totals.has(each));
    if (stray !== undefined) throw new GraphError(`${referenceTo(stray)} has no gradient: it is not the first output.`);
    const upstream = output && totals.get(output);
    if (upstream === undefined) continue;
    graph.scope(operation.scope === '' ? 'gradient' : `${operation.scope}/gradient`, () => {
      const passed = operation.gradient?.(upstream);
      for (const [index, input] of operation.inputs.entries()) {
        if (!moves(input)) continue;
        const build = passed?.[index];
        if (build === undefined) {
          throw new GraphError(
            `${operation.name} (${operation.op}) has no gradient with respect to its input ${index}.`,
          );
        }
        const sofar = totals.get(input);
        totals.set(input, sofar === undefined ? build() : add(graph, sofar, build()));
      }
    });
  }
  return weights.map((weight) => {
    const gradient = totals.get(weight);
    if (gradient === undefined) throw new GraphError(`${referenceTo(of)} does not depend on ${referenceTo(weight)}.`);
    return gradient;
  });
}

/** Whether a value is one of the weights, or computed from one without a `StopGradient` in between. */
function dependents(operations: readonly Operation[], weights: readonly Value[]): (value: Value) => boolean {
  const moving = new Set<Value>(weights);
  for (const { op, inputs, outputs } of operations) {
    if (op === 'StopGradient' || !inputs.some((input) => moving.has(input))) continue;
    for (const output of outputs) moving.add(output);
  }
  return (value) => moving.has(value);
}
