import * as z from 'zod/mini';
import { decodeJson } from '#models/json.ts';
import { checkTensors, type NamedTensor } from '../nets/named-tensor.ts';
import { encodeNet, netSchema } from '../nets/net-schema.ts';
import { shapesOf, weightSpecs } from '../nets/shapes.ts';

/** What every file of weights says about them: enough to build the same net again. */
export const Description = z.object({
  net: netSchema,
  /** Names, in the order of the outputs. */
  classes: z.readonly(z.array(z.string())),
  /** Probabilities are softmax(logits / temperature). */
  temperature: z.number().check(z.positive()),
  recipe: z.object({ name: z.string(), settings: z.record(z.string(), z.unknown()) }),
});
export type Description = z.infer<typeof Description>;

/** A net as training left it: every weight and running statistic, nothing folded. */
export interface TrainedNet extends Description {
  readonly weights: readonly NamedTensor[];
}

/**
 * The weights in the order of the net's layers, so that a file has the same bytes in whatever order they are given.
 *
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's
 */
export function orderedWeights({ net, weights }: Pick<TrainedNet, 'net' | 'weights'>): readonly NamedTensor[] {
  const shapes = new Map(weightSpecs(net).map(({ name, shape }) => [name, shape]));
  checkTensors(`The weights of net ${net.name}`, weights, shapes);
  const named = new Map(weights.map((weight) => [weight.name, weight]));
  return [...shapes.keys()].map((name) => named.get(name)!);
}

/** A description as JSON texts by name: metadata, in formats that have no fields for it. */
export function metadataOf({ net, classes, temperature, recipe }: Description): Record<string, string> {
  const members = Object.entries({ net: encodeNet(net), classes, temperature, recipe });
  return Object.fromEntries(members.map(([name, value]) => [name, JSON.stringify(value)]));
}

/**
 * Reads what `metadataOf` wrote, and ignores other members.
 *
 * @param file its name, for errors
 * @throws {MalformedObject} a member is missing or malformed
 * @throws {InvalidNet} the net contradicts itself
 */
export function parseMetadata(metadata: Readonly<Record<string, string>>, file: string): Description {
  const members = Object.keys(Description.shape)
    .filter((name) => metadata[name] !== undefined)
    .map((name) => `${JSON.stringify(name)}:${metadata[name]}`);
  const description = decodeJson(Description, Buffer.from(`{${members}}`), file);
  shapesOf(description.net);
  return description;
}
