import * as z from 'zod/mini';
import { decodeJson } from '#models/json.ts';
import { checkTensors, type NamedTensor } from '../nets/named-tensor.ts';
import { encodeNet, netSchema } from '../nets/net-schema.ts';
import { shapesOf, weightSpecs } from '../nets/shapes.ts';

/** What must be known of a network wherever its weights go; read back, it makes the same network again. */
export const Description = z.object({
  net: netSchema,
  /** Names, in the order of the outputs. */
  classes: z.readonly(z.array(z.string())),
  /** Probabilities are softmax(logits / temperature). */
  temperature: z.number().check(z.positive()),
  recipe: z.object({ name: z.string(), settings: z.record(z.string(), z.unknown()) }),
});
export type Description = z.infer<typeof Description>;

/** A network as training left it: every weight and running statistic, nothing folded. */
export interface TrainedNetwork extends Description {
  readonly weights: readonly NamedTensor[];
}

/**
 * @returns the weights in the order of the net's layers, so that a file has the same bytes however they were given
 * @throws {InvalidNet} the net contradicts itself
 * @throws {UserError} the weights are not the net's
 */
export function orderedWeights({ net, weights }: TrainedNetwork): readonly NamedTensor[] {
  const shapes = new Map(weightSpecs(net).map(({ name, shape }) => [name, shape]));
  checkTensors(`The weights of net ${net.name}`, weights, shapes);
  const named = new Map(weights.map((weight) => [weight.name, weight]));
  return [...shapes.keys()].map((name) => named.get(name)!);
}

/** A description as texts by name, JSON each: what formats take that know nothing of ours. */
export function metadataOf({ net, classes, temperature, recipe }: Description): Record<string, string> {
  const members = Object.entries({ net: encodeNet(net), classes, temperature, recipe });
  return Object.fromEntries(members.map(([name, value]) => [name, JSON.stringify(value)]));
}

/**
 * @param file to name in errors
 * @throws {MalformedObject} a member is missing or is not what it must be
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
