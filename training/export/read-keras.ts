import type { NamedTensor } from '../nets/named-tensor.ts';
import { decodeHdf5, InvalidHdf5 } from './hdf5/decode.ts';
import { type Dataset, type Group, isGroup } from './hdf5/hdf5.ts';
import { digestOf } from './keras.ts';
import { type Description, parseMetadata } from './network.ts';

const FILE = 'The .h5 file';

/** What was read from a file of weights. */
export interface StoredWeights {
  /** Named `<layer>/<role>`, in the order of the file. */
  readonly weights: readonly NamedTensor[];
  /** Absent in files of other programs. */
  readonly description: Description | undefined;
}

/**
 * The weights of a Keras model that was saved as `.h5`: by us, or by Keras itself after it trained what it loaded from us.
 * Whether they are those of a net is for the caller to check (`checkTensors`).
 *
 * @throws {InvalidHdf5} the file was cut off or changed, is compressed, or is no whole model; the message says what
 * @throws {MalformedObject | InvalidNet} the description in it contradicts itself
 */
export function readKeras(file: Uint8Array): StoredWeights {
  const root = decodeHdf5(file, { only: ['model_weights'] });
  const saved = root.children.get('model_weights');
  if (saved === undefined || !isGroup(saved)) {
    throw new InvalidHdf5('it has no group model_weights, so it is no whole model that Keras saved');
  }
  const weights = listOf(saved, 'layer_names', 'model_weights').flatMap((layer) => {
    const group = saved.children.get(layer);
    if (group === undefined || !isGroup(group)) throw new InvalidHdf5(`it has no weights of layer ${layer}`);
    return listOf(group, 'weight_names', layer).map((name): NamedTensor => {
      const { shape, data } = find(group, name);
      // Keras puts the model's name before the layer's, and Keras 2 ":0" behind.
      return { name: `${layer}/${name.replace(/^.*\//, '').replace(/:0$/, '')}`, shape, data };
    });
  });
  if (weights.length === 0) throw new InvalidHdf5('it is a model without weights');
  return { weights, description: describe(root, weights) };
}

function describe({ attributes }: Group, weights: readonly NamedTensor[]): Description | undefined {
  const digest = attributes.get('weights_sha256');
  if (digest === undefined) return undefined;
  if (digest !== digestOf(weights)) {
    throw new InvalidHdf5(
      'its weights are not those that were written: weights_sha256 is the digest of others (if they were changed on purpose, delete that attribute)',
    );
  }
  const texts = [...attributes].filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return parseMetadata(Object.fromEntries(texts), FILE);
}

/** An attribute that is a list of names. Without any, Keras writes an empty list of numbers, which is not read. */
function listOf(group: Group, attribute: string, path: string): readonly string[] {
  const names = group.attributes.get(attribute) ?? [];
  if (typeof names === 'string') throw new InvalidHdf5(`${attribute} of ${path} is no list`);
  return names;
}

function find(group: Group, path: string): Dataset {
  let at: Group | Dataset | undefined = group;
  for (const name of path.split('/')) at = at !== undefined && isGroup(at) ? at.children.get(name) : undefined;
  if (at === undefined || isGroup(at)) throw new InvalidHdf5(`it has no weight ${path}`);
  return at;
}
