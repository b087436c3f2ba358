import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';
import { cifar10Data, isSameData } from '#models/data-identity.ts';
import { readArguments } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { listVersions, readCard } from '#models/versions.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import type { Recipe } from '../recipe/recipes.ts';
import { fromStoredSettings, netSettings } from '../recipe/stored-settings.ts';
import { type OpenedParent, openParent } from './parent.ts';

/**
 * With at most so many training pictures a body that was trained on CIFAR-10 is the better beginning: no more were measured.
 *
 * @see docs/fine-tuning.md
 */
export const FEW_PICTURES = 2_500;

/** Of the data set. */
type KnownData = Pick<Dataset, 'name' | 'sha256' | 'heldOut' | 'images'> & { readonly train: Pick<Split, 'count'> };

interface Beginning {
  /** Of the recipe that will be trained. */
  readonly name: string;
  readonly settings: Recipe;
  readonly store: ObjectStore;
  readonly run: string;
  /** Is given the hint how to get a body, where the store has none. */
  readonly log: (line: string) => void;
}

/**
 * What a run begins with where nobody said it: with few pictures the most accurate CIFAR-10 version of the store that has the
 * recipe's net, else drawn weights. A run that exists begins as it did.
 */
export async function beginningFor(
  data: KnownData,
  { name, settings, store, run, log }: Beginning,
): Promise<OpenedParent | undefined> {
  const begun = await readArguments(store, run);
  if (begun) {
    const { parent } = begun;
    return parent && 'version' in parent && parent.byDefault
      ? await openParent({ from: parent.version, store, run })
      : undefined;
  }
  const pictures = data.train.count - (data.heldOut ?? settings.heldOut);
  if (isSameData(data, cifar10Data) || pictures > FEW_PICTURES) return undefined;
  const version = await bodyFor(settings, data, store);
  if (version === undefined) {
    log(
      `With so few pictures (${pictures}) a body that was trained on CIFAR-10 helps, and the store has none of this net. ` +
        `"./cifar10 train ${name}" makes one, once; later runs begin with it.`,
    );
    return undefined;
  }
  const opened = await openParent({ from: version, store, run });
  return { ...opened, parent: { version, byDefault: true } };
}

function isSameNet(stored: Readonly<Record<string, unknown>>, settings: Recipe): boolean {
  return netSettings.every((name) => isDeepStrictEqual(stored[name], settings[name]));
}

/** The most accurate version that was trained on CIFAR-10 and has this net, the newest of equals. */
async function bodyFor(settings: Recipe, data: KnownData, store: ObjectStore): Promise<string | undefined> {
  const [height, width, channels] = data.images.size;
  const fits = ({ input, recipe, data: { sha256 } }: Card) =>
    sha256.train === cifar10Data.sha256.train &&
    [input.height, input.width, input.channels].join() === [height, width, channels].join() &&
    isSameNet(fromStoredSettings(recipe.settings), settings);
  let best: { readonly version: string; readonly plain: number } | undefined;
  for (const version of await listVersions(store)) {
    const card = await readCard(store, version).catch((error: unknown) => {
      if (error instanceof UserError) return undefined; // A damaged version is no beginning.
      throw error;
    });
    if (card && fits(card) && card.accuracy.plain > (best?.plain ?? 0)) {
      best = { version, plain: card.accuracy.plain };
    }
  }
  return best?.version;
}
