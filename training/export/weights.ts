import { UserError } from '#errors/user-error.ts';
import { decodeSafetensors, encodeSafetensors } from '#models/safetensors.ts';
import type { VerifiedVersion } from '#models/versions.ts';
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
 * @param version read with `weights.safetensors`, if only some of its files were read
 * @throws {UserError} the version is older than this file
 */
export function weightsOfVersion(version: VerifiedVersion): TrainedNetwork {
  if (!version.manifest.files.some(({ path }) => path === weightsFile)) {
    throw new UserError(
      `Version ${version.id} has no ${weightsFile}: it was made by an older release, which kept the folded network only. Train again, or use a newer version.`,
    );
  }
  return decodeWeights(version.file(weightsFile), `${weightsFile} of ${version.id}`);
}
