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

/** What a net's layers hold, in numbers. */
export interface WeightCounts {
  /** Weights and biases: the sum of the table's rows. */
  readonly parameters: number;
  /** Those of them that training changes: all but whitening kernels. */
  readonly trainable: number;
  /** Running means and variances. Keras counts them among the parameters that are not trainable. */
  readonly statistics: number;
}

/** @throws {InvalidNet} as `shapesOf` */
export function countWeights(net: Net): WeightCounts {
  const specs = weightSpecs(net);
  const count = (counted: readonly WeightSpec[]) => counted.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const parameters = specs.filter(isParameter);
  return {
    parameters: count(parameters),
    trainable: count(parameters.filter(({ trainable }) => trainable)),
    statistics: count(specs.filter((spec) => !isParameter(spec))),
  };
}

/** The rows below a table of layers: the name of a sum, and the sum. */
export function sumsOf({ parameters, trainable, statistics }: WeightCounts): [name: string, sum: number][] {
  return [
    ['total', parameters],
    ['trainable', trainable],
    ['not trainable', parameters - trainable],
    ...(statistics > 0 ? [['running statistics', statistics] as [string, number]] : []),
  ];
}

/** Counts weights and biases; running statistics are not included. */
export function countParameters(net: Net): number {
  return countWeights(net).parameters;
}

function isParameter({ role }: WeightSpec): boolean {
  return role !== 'moving-mean' && role !== 'moving-variance';
}
