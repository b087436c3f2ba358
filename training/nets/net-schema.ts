import * as z from 'zod/mini';
import { activations, type Layer, type Net } from './net.ts';

const name = z.string();
const inputs = z.exactOptional(z.array(z.string()));
const padding = z.enum(['same', 'valid']);

/** The name of `fan-in-uniform` in files. */
const STORED_FAN_IN_UNIFORM = 'kaiming-uniform';

function init<Init extends string>(...names: readonly Init[]) {
  const stored = names.map((each) => (each === 'fan-in-uniform' ? STORED_FAN_IN_UNIFORM : each));
  return z.pipe(
    z.enum(stored),
    z.transform((each) => (each === STORED_FAN_IN_UNIFORM ? 'fan-in-uniform' : each) as Init),
  );
}

/** Each kind of layer; a kind that is missing here does not compile. `shapesOf` checks the numbers. */
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
    inputs,
    filters: z.number(),
    kernel: z.number(),
    stride: z.exactOptional(z.number()),
    padding,
    bias: z.boolean(),
    init: init('glorot-uniform', 'he-normal', 'fan-in-uniform', 'dirac', 'whitening'),
  }),
  'batch-normalization': z.strictObject({
    kind: z.literal('batch-normalization'),
    name,
    inputs,
    momentum: z.number(),
    epsilon: z.number(),
    scale: z.boolean(),
  }),
  activation: z.strictObject({
    kind: z.literal('activation'),
    name,
    inputs,
    function: z.enum(activations),
  }),
  'max-pooling': z.strictObject({
    kind: z.literal('max-pooling'),
    name,
    inputs,
    size: z.number(),
    stride: z.exactOptional(z.number()),
    padding,
  }),
  'average-pooling': z.strictObject({
    kind: z.literal('average-pooling'),
    name,
    inputs,
    size: z.number(),
    stride: z.exactOptional(z.number()),
    padding,
  }),
  'global-pooling': z.strictObject({
    kind: z.literal('global-pooling'),
    name,
    inputs,
    function: z.enum(['max', 'average']),
  }),
  'channel-padding': z.strictObject({
    kind: z.literal('channel-padding'),
    name,
    inputs,
    filters: z.number(),
    stride: z.number(),
  }),
  add: z.strictObject({ kind: z.literal('add'), name, inputs: z.array(z.string()) }),
  dropout: z.strictObject({ kind: z.literal('dropout'), name, inputs, rate: z.number() }),
  flatten: z.strictObject({ kind: z.literal('flatten'), name, inputs }),
  dense: z.strictObject({
    kind: z.literal('dense'),
    name,
    inputs,
    units: z.number(),
    bias: z.boolean(),
    init: init('glorot-uniform', 'he-normal', 'fan-in-uniform'),
  }),
  scale: z.strictObject({ kind: z.literal('scale'), name, inputs, by: z.number() }),
} satisfies { [Kind in Layer['kind']]: z.ZodMiniType<Extract<Layer, { kind: Kind }>> };

/** Parses a net from JSON. */
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
      layers['average-pooling'],
      layers['global-pooling'],
      layers['channel-padding'],
      layers.add,
      layers.dropout,
      layers.flatten,
      layers.dense,
      layers.scale,
    ]),
  ),
});

/** A net as JSON, which `netSchema` parses. */
export function encodeNet(net: Net): unknown {
  const layers = net.layers.map((layer) =>
    'init' in layer && layer.init === 'fan-in-uniform' ? { ...layer, init: STORED_FAN_IN_UNIFORM } : layer,
  );
  return { ...net, layers };
}
