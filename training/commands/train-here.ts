import type { WriteStream } from 'node:tty';
import { checkRunId, newRunId } from '#models/runs.ts';
import { checkWritable } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { retryingStore } from '#models/stores/retrying-store.ts';
import type { OnBad } from '../data/dataset.ts';
import { checkDataset, openDataset } from '../datasets/open-dataset.ts';
import { beginningFor } from '../run/few-pictures.ts';
import { checkParent, openParent } from '../run/parent.ts';
import { type AskedRecipe, recipeFor, recipeOnData } from '../run/recipe-on-data.ts';
import { instanceMetadata } from '../run/reclaim-notice.ts';
import { spoolFor } from '../run/spooled-checkpoints.ts';
import type { Outcome } from '../run/train.ts';
import { isContainer } from './place.ts';
import { progressLine } from './progress-line.ts';
import { resumeCommand } from './resume-command.ts';
import { viewFor } from './run-view.ts';

/** What a run is decided by, and where it goes, as people type it. */
export interface TrainHereOptions extends AskedRecipe {
  /** @default 1 */
  readonly seed?: number | undefined;
  /** A data set by name, or the path of a folder or table of pictures. @default cifar10 */
  readonly data?: string | undefined;
  /** What happens to pictures that cannot be read. @default more than 1 % are refused */
  readonly onBad?: OnBad | undefined;
  /**
   * A version, an alias or a Keras `.h5` file whose weights the run begins with; `none` for drawn weights.
   *
   * @default drawn weights; with few pictures a body that was trained on CIFAR-10, where the store has one
   */
  readonly from?: string | undefined;
  /** A folder or `s3://<bucket>`. */
  readonly out: string;
  /** Names the run; an existing one is resumed. @default a new name */
  readonly run?: string | undefined;
}

interface Terminal {
  /** Aborted with the name of a signal: the run keeps a checkpoint and ends. */
  readonly signal: AbortSignal;
  /** Shows the events of the run. */
  readonly stream: WriteStream;
  /** Show events as lines of JSON. @default false */
  readonly json?: boolean;
}

/**
 * Trains a recipe in this process, and shows its events.
 *
 * @throws {UsageError} an option is invalid, nothing can be written to the store, or `train` refuses the run
 * @throws the reason of the signal, if it is aborted before the run began
 */
export async function trainHere(
  options: TrainHereOptions,
  { signal, stream, json = false }: Terminal,
): Promise<Outcome> {
  const { set = [], seed = 1, data: dataset = 'cifar10', onBad, out } = options;
  const from = options.from === 'none' ? undefined : options.from;
  if (options.recipe !== undefined || from === undefined) recipeFor(options); // Typos are found before the store is asked.
  const run = checkRunId(options.run ?? newRunId());
  checkDataset(dataset);
  const store = await openObjectStore(out);
  const patient = retryingStore(store, { signal });
  const named = from === undefined ? undefined : await openParent({ from: checkParent(from), store: patient, run });
  const asked = recipeFor(options, named);
  if (!isBucket(store)) await checkWritable(store.url);
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const view = viewFor(stream, { json });
  try {
    const loading = progressLine();
    const { imageSize: size, fit } = asked.settings;
    const asAsked = { image: { size, fit }, ...(isBucket(store) && { bucket: patient }), ...(onBad && { onBad }) };
    const data = await openDataset(dataset, { log, signal, progress: loading.show, ...asAsked }).finally(loading.end);
    const parent =
      named ?? (options.from === 'none' ? undefined : await beginningFor(data, { ...asked, store: patient, run, log }));
    const recipe = recipeOnData(options, { asked, data, from: parent });
    const { train } = await import('../run/train.ts'); // Loads the backends, which bad arguments need not wait for.
    const outcome = await train({
      recipe,
      seed,
      data,
      from: parent,
      store,
      spool: isContainer() ? undefined : spoolFor(store),
      run,
      resume: resumeCommand({ ...options, set, seed, run }),
      emit: view.show,
      signal,
      metadata: instanceMetadata(),
    });
    if (outcome.status === 'finished' && outcome.wasFinished) {
      const { at, version } = outcome.result;
      log(`The run ${run} is finished; nothing is left to do.`);
      view.show({ at, type: 'saved', version, store: store.url, run });
    }
    return outcome;
  } finally {
    view.end();
  }
}

function isBucket(store: ObjectStore): boolean {
  return store.url.startsWith('s3://');
}
