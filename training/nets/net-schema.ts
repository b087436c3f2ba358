import * as z from 'zod/mini';
import type { Layer, Net } from './net.ts';

const name = z.string();
const padding = z.enum(['same', 'valid']);

/** Each kind of layer; a kind that is missing here does not compile. What the numbers may be is for `shapesOf` to say. */
const layers = {
  normalization: z.strictObject({
    kind: z.literal('normalization'),
    name,
    mean: z.array(z.number()),
    deviation: z.array(z.number()),
  }),
  convolution: z.strictObject({
    kind: z.literal('convolution'),
    name,
    filters: z.number(),
    kernel: z.number(),
    stride: z.exactOptional(z.number()),
    padding,
    bias: z.boolean(),
    init: z.enum(['glorot-uniform', 'kaiming-uniform', 'dirac', 'whitening']),
  }),
  'batch-normalization': z.strictObject({
    kind: z.literal('batch-normalization'),
    name,
    momentum: z.number(),
    epsilon: z.number(),
    scale: z.boolean(),
  }),
  activation: z.strictObject({
    kind: z.literal('activation'),
    name,
    function: z.enum(['relu', 'gelu', 'elu', 'silu']),
  }),
  'max-pooling': z.strictObject({ kind: z.literal('max-pooling'), name, size: z.number(), padding }),
  dropout: z.strictObject({ kind: z.literal('dropout'), name, rate: z.number() }),
  flatten: z.strictObject({ kind: z.literal('flatten'), name }),
  dense: z.strictObject({
    kind: z.literal('dense'),
    name,
    units: z.number(),
    bias: z.boolean(),
    init: z.enum(['glorot-uniform', 'kaiming-uniform']),
  }),
  scale: z.strictObject({ kind: z.literal('scale'), name, by: z.number() }),
} satisfies { [Kind in Layer['kind']]: z.ZodMiniType<Extract<Layer, { kind: Kind }>> };

/** A net that was written down as JSON. */
export const netSchema: z.ZodMiniType<Net> = z.strictObject({
  name,
  input: z.tuple([z.number(), z.number(), z.number()]),
  classes: z.number(),
  layers: z.array(
    z.discriminatedUnion('kind', [
      layers.normalization,
      layers.convolution,
      layers['batch-normalization'],
      layers.activation,
      layers['max-pooling'],
      layers.dropout,
      layers.flatten,
      layers.dense,
      layers.scale,
    ]),
  ),
});
