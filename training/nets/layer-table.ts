import { sizeOf } from '#models/size-of.ts';
import type { Layer, Net } from './net.ts';
import { type Shape, shapesOf, type WeightSpec, weightSpecs } from './shapes.ts';

/** One layer of a net, as a table of its layers shows it. */
export interface LayerRow {
  readonly name: string;
  readonly kind: Layer['kind'];
  /** Without the batch: `[H, W, C]`, or `[units]`. */
  readonly output: Shape;
  /** Weights and biases; running statistics are not included. */
  readonly parameters: number;
}

/**
 * The layers of a net in order, as Keras's `summary` lists them.
 *
 * @throws {InvalidNet} as `shapesOf`
 * @see https://keras.io/api/models/model/#summary-method
 */
export function layerTable(net: Net): LayerRow[] {
  const parameters = weightSpecs(net).filter(isParameter);
  return shapesOf(net).map(({ layer: { name, kind }, output }) => ({
    ...{ name, kind, output },
    parameters: parameters.filter(({ layer }) => layer === name).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  }));
}

/** Counts weights and biases; running statistics are not included. */
export function countParameters(net: Net): number {
  return layerTable(net).reduce((sum, { parameters }) => sum + parameters, 0);
}

function isParameter({ role }: WeightSpec): boolean {
  return role !== 'moving-mean' && role !== 'moving-variance';
}
