import type { WriteStream } from 'node:tty';
import { shellWord } from '#environment/shell-word.ts';
import { checkRunId, newRunId } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { checkDataset, openDataset } from '../datasets/open-dataset.ts';
import { resolveRecipe } from '../recipe/settings.ts';
import { checkParent, openParent } from '../run/parent.ts';
import { spoolFor } from '../run/spooled-checkpoints.ts';
import type { Outcome } from '../run/train.ts';
import { viewFor } from './run-view.ts';

/** What a run is decided by, and where it goes, as people type it. */
export interface TrainHereOptions {
  readonly recipe: string;
  /** Changes of the recipe's settings, `key=value` each. @default none */
  readonly set?: readonly string[];
  readonly seed: number;
  /** A data set by name. */
  readonly data: string;
  /** A version, an alias or a Keras `.h5` file whose weights the run begins with. @default drawn weights */
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
 * @throws {UsageError} an option is invalid, or `train` refuses the run
 * @throws the reason of the signal, if it is aborted before the run began
 */
export async function trainHere(
  { recipe: name, set = [], seed, data: dataset, from, out, run: given }: TrainHereOptions,
  { signal, stream, json = false }: Terminal,
): Promise<Outcome> {
  const recipe = resolveRecipe(name, set);
  const run = checkRunId(given ?? newRunId());
  checkDataset(dataset);
  const store = await openObjectStore(out);
  const parent = from === undefined ? undefined : await openParent({ from: checkParent(from), store, run });
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const view = viewFor(stream, { json });
  try {
    const data = await openDataset(dataset, { log, signal, ...(isBucket(store) && { bucket: store }) });
    const { train } = await import('../run/train.ts'); // Loads the backends, which bad arguments need not wait for.
    const outcome = await train({
      recipe,
      seed,
      data,
      from: parent,
      store,
      spool: spoolFor(store),
      run,
      resume: resumeCommand({ recipe: name, set, seed, data: dataset, from, out, run }),
      emit: view.show,
      signal,
    });
    if (outcome.status === 'finished' && outcome.wasFinished) {
      const { at, version } = outcome.result;
      log(`The run ${run} is finished; nothing is left to do.`);
      view.show({ at, type: 'saved', version, store: store.url });
    }
    return outcome;
  } finally {
    view.end();
  }
}

function isBucket(store: ObjectStore): boolean {
  return store.url.startsWith('s3://');
}

function resumeCommand({
  recipe,
  set = [],
  seed,
  data,
  from,
  out,
  run,
}: TrainHereOptions & { readonly run: string }): string {
  const words = [
    ...['./cifar10', 'train', recipe],
    ...(data === 'cifar10' ? [] : ['--data', data]),
    ...(from === undefined ? [] : ['--from', from]),
    ...set.flatMap((change) => ['--set', change]),
    ...['--seed', String(seed), '--out', out, '--run', run],
  ];
  return words.map(shellWord).join(' ');
}
