import type { NamedTensor } from '../nets/named-tensor.ts';
import { decodeHdf5, InvalidHdf5 } from './hdf5/decode.ts';
import { type Dataset, type Group, isGroup } from './hdf5/hdf5.ts';
import { digestOf } from './keras.ts';
import { type Description, orderedWeights, parseMetadata } from './trained-net.ts';

const FILE = 'The .h5 file';

/** What a Keras model holds that matters here. */
export interface KerasModel {
  /** Named `<layer>/<role>`; in the order of the net if there is a description, else of the file. */
  readonly weights: readonly NamedTensor[];
  /** Absent from files that other programs wrote. */
  readonly description: Description | undefined;
}

/**
 * Reads a Keras model that was saved as `.h5`: by `encodeKeras`, or by Keras after it trained what `encodeKeras` wrote. Without
 * a description, the caller checks that the weights fit a net (`checkTensors`).
 *
 * @throws {InvalidHdf5} the file was cut off or changed, is compressed, or is not a whole model; the message says which
 * @throws {MalformedObject | InvalidNet} its description contradicts itself
 * @throws {UserError} its weights are not those of the net that it describes
 */
export function readKeras(file: Uint8Array): KerasModel {
  const root = decodeHdf5(file, { only: ['model_weights'] });
  const saved = root.children.get('model_weights');
  if (saved === undefined || !isGroup(saved)) {
    throw new InvalidHdf5('it has no group model_weights, so it is not a whole model that Keras saved');
  }
  const weights = listOf(saved, 'layer_names', 'model_weights').flatMap((layer) => {
    const group = saved.children.get(layer);
    if (group === undefined || !isGroup(group)) throw new InvalidHdf5(`it has no weights of layer ${layer}`);
    return listOf(group, 'weight_names', layer).map((name): NamedTensor => {
      const { shape, data } = find(group, name);
      // Keras puts the model's name before the layer's, and Keras 2 appends ":0".
      return { name: `${layer}/${name.replace(/^.*\//, '').replace(/:0$/, '')}`, shape, data };
    });
  });
  if (weights.length === 0) throw new InvalidHdf5('it is a model without weights');
  const description = describe(root, weights);
  if (description === undefined) return { weights, description };
  return { weights: orderedWeights({ net: description.net, weights }), description };
}

function describe({ attributes }: Group, weights: readonly NamedTensor[]): Description | undefined {
  const digest = attributes.get('weights_sha256');
  if (digest === undefined) return undefined;
  if (digest !== digestOf(weights)) {
    throw new InvalidHdf5(
      'its weights do not match the digest in its attribute weights_sha256 (if they were changed on purpose, delete that attribute)',
    );
  }
  const texts = [...attributes].filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return parseMetadata(Object.fromEntries(texts), FILE);
}

/** An attribute that is a list of names. For no names, Keras writes an empty list of numbers, which `decodeHdf5` skips. */
function listOf(group: Group, attribute: string, path: string): readonly string[] {
  const names = group.attributes.get(attribute) ?? [];
  if (typeof names === 'string') throw new InvalidHdf5(`${attribute} of ${path} is not a list`);
  return names;
}

function find(group: Group, path: string): Dataset {
  let at: Group | Dataset | undefined = group;
  for (const name of path.split('/')) at = at !== undefined && isGroup(at) ? at.children.get(name) : undefined;
  if (at === undefined || isGroup(at)) throw new InvalidHdf5(`it has no weight ${path}`);
  return at;
}
