import { UserError } from '#errors/user-error.ts';
import { decodeJson, MalformedObject } from '#models/json.ts';
import { type CheckpointTag, readCheckpoint, runKey, writeCheckpoint } from '#models/runs.ts';
import { decodeSafetensors, encodeSafetensors, InvalidSafetensors, type Safetensors } from '#models/safetensors.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import { type Best, BestEpoch } from './best.ts';
import { Progress } from './progress.ts';

/** All that a run goes on from. */
export interface Checkpoint {
  /** As `Engine.state` gives it. */
  readonly state: readonly NamedTensor[];
  readonly best: Best | undefined;
  readonly progress: Progress;
}

interface Latest extends Checkpoint {
  readonly key: string;
  /** Keys of newer ones that were passed over, being damaged. */
  readonly damaged: readonly string[];
}

/** A checkpoint is whole, and does not hold what the network and the optimizer of its run have. */
export class ForeignCheckpoint extends UserError {
  override readonly name = 'ForeignCheckpoint';

  constructor(path: string, cause: UserError) {
    super(
      `${path} is no checkpoint of this network: ${cause.message} Put back the file that the run wrote, delete this one ` +
        'to go on from the checkpoint before it, or train anew under another --run.',
      { cause },
    );
  }
}

export interface Checkpoints {
  /** What the run can go on from; absent in a new run. */
  readonly latest: Latest | undefined;
  /**
   * Written beside the last one, verified, then pointed to; the last one stays for the case that this one is damaged.
   *
   * @returns its key
   * @throws {WriteConflict} another process is training the same run
   */
  save(checkpoint: Checkpoint): Promise<string>;
}

/**
 * @throws {DamagedCheckpoints} there are checkpoints, and none of them is whole
 * @throws {MalformedObject} the checkpoint is whole, and not of this release; the message names it
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
        // A file that is gone again was removed by whoever moved the pointer.
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

/** The best weights lie beside the state under this prefix: one file, so that both are of the same moment. */
const BEST = 'best/';

function encode({ state, best, progress }: Checkpoint): Uint8Array {
  const { weights = [], ...epoch } = best ?? {};
  return encodeSafetensors({
    tensors: [...state.map(stored), ...weights.map((tensor) => ({ ...tensor, name: BEST + tensor.name }))],
    metadata: { progress: JSON.stringify(progress), ...(best && { best: JSON.stringify(epoch) }) },
  });
}

function decode(body: Uint8Array, key: string): Checkpoint {
  const { tensors, metadata } = read(body, key);
  const weights = tensors
    .filter(({ name }) => name.startsWith(BEST))
    .map((tensor) => ({ ...tensor, name: tensor.name.slice(BEST.length) }));
  return {
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
    throw new MalformedObject(key, 'it is no safetensors file', { cause: error });
  }
}
