import { UserError } from '#errors/user-error.ts';
import { decodeSafetensors, encodeSafetensors } from '#models/safetensors.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion } from '#models/versions.ts';
import { metadataOf, orderedWeights, parseMetadata, type TrainedNetwork } from './network.ts';

/** The file of a version that has its weights as training left them. */
export const weightsFile = 'weights.safetensors';

/** The weights by the names of the net (`nets/shapes.ts`), and the description as metadata. */
export function encodeWeights(network: TrainedNetwork): Uint8Array {
  return encodeSafetensors({ tensors: orderedWeights(network), metadata: metadataOf(network) });
}

/**
 * @param file to name in errors
 * @throws {InvalidSafetensors | MalformedObject | InvalidNet} it is not what `encodeWeights` writes
 */
export function decodeWeights(body: Uint8Array, file = weightsFile): TrainedNetwork {
  const { tensors, metadata } = decodeSafetensors(body);
  return { ...parseMetadata(metadata, file), weights: tensors };
}

/**
 * The network of a version, to train it further or to write it in another format.
 *
 * @throws {UserError} the version is older than this file
 * @throws as `readVersion`
 */
export async function readTrainedNetwork(store: ObjectStore, version: string): Promise<TrainedNetwork> {
  const { manifest } = await readVersion(store, version, { only: [] });
  if (!manifest.files.some(({ path }) => path === weightsFile)) {
    throw new UserError(
      `Version ${version} has no ${weightsFile}: it was made by an older release, which kept the folded network only. Train again, or use a newer version.`,
    );
  }
  const { file } = await readVersion(store, version, { only: [weightsFile] });
  return decodeWeights(file(weightsFile), `${weightsFile} of ${version}`);
}
