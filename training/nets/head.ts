import type { Dense, Net } from './net.ts';
import { InvalidNet, weightSpecs } from './shapes.ts';

/**
 * The layer that makes the logits, a row or column for each class; all before it is the body.
 *
 * @throws {InvalidNet} the last layer that has weights is not a dense one of a unit for each class
 */
export function headOf(net: Net): Dense {
  const last = weightSpecs(net).at(-1)?.layer;
  const head = net.layers.find(({ name }) => name === last);
  if (head?.kind === 'dense' && head.units === net.classes) return head;
  throw new InvalidNet(
    net,
    head?.name,
    `the last layer with weights is no dense layer of ${net.classes} units, one for each class.`,
  );
}
