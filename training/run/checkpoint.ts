import { UserError } from '#errors/user-error.ts';
import { cifar10Data, DataIdentity } from '#models/data-identity.ts';
import { decodeJson, MalformedObject } from '#models/json.ts';
import { type CheckpointTag, readCheckpoint, writeCheckpoint } from '#models/run-checkpoints.ts';
import { runKey } from '#models/runs.ts';
import { decodeSafetensors, encodeSafetensors, InvalidSafetensors, type Safetensors } from '#models/safetensors.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import { type Best, BestEpoch } from './best.ts';
import { Progress } from './progress.ts';

/** All that a run resumes from. */
export interface Checkpoint {
  /** What the run is trained on. */
  readonly data: DataIdentity;
  /** The result of `Engine.state`. */
  readonly state: readonly NamedTensor[];
  readonly best: Best | undefined;
  readonly progress: Progress;
}

interface Latest extends Checkpoint {
  readonly key: string;
  /** Keys of newer checkpoints that were skipped, being damaged. */
  readonly damaged: readonly string[];
}

/** A checkpoint is whole, but was written by a run on other data, or with another network or optimizer. */
export class ForeignCheckpoint extends UserError {
  override readonly name = 'ForeignCheckpoint';

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(
      `${path} is not a checkpoint of this run: ${reason} Put back the file that the run wrote, delete this one to resume ` +
        'from the checkpoint before it, or train again under another --run.',
      options,
    );
  }
}

export interface Checkpoints {
  /** What the run can resume from; absent in a new run. */
  readonly latest: Latest | undefined;
  /**
   * Writes a checkpoint beside the last one, verifies it, and then points to it. The last one stays, in case this one is
   * damaged later.
   *
   * @returns its key
   * @throws {WriteConflict} another process is training the same run
   */
  save(checkpoint: Checkpoint): Promise<string>;
}

/**
 * @throws {DamagedCheckpoints} there are checkpoints, and every one of them is damaged
 * @throws {MalformedObject} the checkpoint is whole, but of another release; the message names it
 */
export async function openCheckpoints(store: ObjectStore, run: string): Promise<Checkpoints> {
  const stored = await readCheckpoint(store, run);
  let tag: CheckpointTag | undefined = stored;
  const key = stored && runKey(run, stored.path);
  return {
    latest: stored && { ...decode(stored.body, key!), key: key!, damaged: stored.damaged },
    async save(checkpoint) {
      const { step } = checkpoint.progress;
      const body = encode(checkpoint);
      try {
        tag = await writeCheckpoint(store, run, { step, body, expected: tag });
      } catch (error) {
        // A file that is missing again was removed by the process that moved the pointer.
        const pointer = runKey(run, 'checkpoint.json');
        if (error instanceof MalformedObject && (await store.get(pointer))?.etag !== tag?.etag) {
          throw new WriteConflict(pointer, { cause: error });
        }
        throw error;
      }
      return runKey(run, tag.path);
    },
  };
}

/** Prefix of the best weights, which are in the same file as the state, so that both are of the same moment. */
const BEST = 'best/';

function encode({ data, state, best, progress }: Checkpoint): Uint8Array {
  const { weights = [], ...epoch } = best ?? {};
  return encodeSafetensors({
    tensors: [...state.map(stored), ...weights.map((tensor) => ({ ...tensor, name: BEST + tensor.name }))],
    metadata: {
      data: JSON.stringify({ name: data.name, sha256: data.sha256 }),
      progress: JSON.stringify(progress),
      ...(best && { best: JSON.stringify(epoch) }),
    },
  });
}

function decode(body: Uint8Array, key: string): Checkpoint {
  const { tensors, metadata } = read(body, key);
  const weights = tensors
    .filter(({ name }) => name.startsWith(BEST))
    .map((tensor) => ({ ...tensor, name: tensor.name.slice(BEST.length) }));
  return {
    data: metadata.data ? decodeJson(DataIdentity, Buffer.from(metadata.data), key) : cifar10Data,
    state: tensors.filter(({ name }) => !name.startsWith(BEST)).map(current),
    best: metadata.best ? { ...decodeJson(BestEpoch, Buffer.from(metadata.best), key), weights } : undefined,
    progress: decodeJson(Progress, Buffer.from(metadata.progress ?? ''), key),
  };
}

/** AdamW's counter of updates is named by its parameter group, and checkpoints call one group otherwise. */
const COUNTER = { current: 'normBiases/updates', stored: 'norms/updates' } as const;

function stored(tensor: NamedTensor): NamedTensor {
  return tensor.name === COUNTER.current ? { ...tensor, name: COUNTER.stored } : tensor;
}

function current(tensor: NamedTensor): NamedTensor {
  return tensor.name === COUNTER.stored ? { ...tensor, name: COUNTER.current } : tensor;
}

function read(body: Uint8Array, key: string): Required<Safetensors> {
  try {
    return decodeSafetensors(body);
  } catch (error) {
    if (!(error instanceof InvalidSafetensors)) throw error;
    throw new MalformedObject(key, 'it is not a safetensors file', { cause: error });
  }
}
