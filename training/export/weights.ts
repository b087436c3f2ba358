import { UserError } from '#errors/user-error.ts';
import { decodeSafetensors, encodeSafetensors } from '#models/safetensors.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion } from '#models/versions.ts';
import { metadataOf, orderedWeights, parseMetadata, type TrainedNet } from './trained-net.ts';

/** The file of a version that holds its weights as training left them. */
export const weightsFile = 'weights.safetensors';

/** Tensors are named as in the net (`nets/shapes.ts`); the description is the file's metadata. */
export function encodeWeights(trained: TrainedNet): Uint8Array {
  return encodeSafetensors({ tensors: orderedWeights(trained), metadata: metadataOf(trained) });
}

/**
 * @param file its name, for errors
 * @throws {InvalidSafetensors | MalformedObject | InvalidNet} it is not what `encodeWeights` writes
 */
export function decodeWeights(body: Uint8Array, file = weightsFile): TrainedNet {
  const { tensors, metadata } = decodeSafetensors(body);
  return { ...parseMetadata(metadata, file), weights: tensors };
}

/**
 * The trained net of a version, to train it further or to write it in another format.
 *
 * @throws {UserError} the version is older than this file
 * @throws as `readVersion`
 */
export async function readTrainedNet(store: ObjectStore, version: string): Promise<TrainedNet> {
  const { manifest } = await readVersion(store, version, { only: [] });
  if (!manifest.files.some(({ path }) => path === weightsFile)) {
    throw new UserError(
      `Version ${version} has no ${weightsFile}: it was made by an older release, which kept only the folded net. Train again, or use a newer version.`,
    );
  }
  const { file } = await readVersion(store, version, { only: [weightsFile] });
  return decodeWeights(file(weightsFile), `${weightsFile} of ${version}`);
}
