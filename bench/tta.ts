import { percent } from '#models/percent.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { listVersions, readVersion } from '#models/versions.ts';
import { openTestImages } from '#training/datasets/test-images.ts';
import { PASSES, selectiveAnswers, UNSURE, viewsOf } from '#training/evaluation/evaluate.ts';
import { agreement, topClasses } from '#training/evaluation/measure.ts';
import { pairedTest } from '#training/evaluation/paired-test.ts';
import { openStoredModel } from '#training/evaluation/stored-model.ts';
import { writeResults } from './results.ts';
import { aligned } from './train/table.ts';

interface Options {
  /** A folder or `s3://<bucket>`. */
  readonly store: string;
  /** Versions; empty for all of the store. */
  readonly versions: readonly string[];
}

/** Shares of the images that are looked at six times; the others once. */
const SHARES = [0.1, UNSURE, 0.5];

/**
 * Measures stored versions on their test images with six views of all images, and of shares that a version is least sure of, and
 * compares both on the same images by McNemar's test. Views are computed once a version.
 */
export async function benchmarkTta({ store: place, versions }: Options): Promise<void> {
  const store = await openObjectStore(place);
  const measured: object[] = [];
  const heading = ['', 'views', 'accuracy', 'against six views', 'only six right', 'only these right', 'p'];
  for (const id of versions.length > 0 ? versions : await listVersions(store)) {
    const version = await readVersion(store, id);
    const { card } = version;
    const { test, images } = await openTestImages(card, { store });
    const classes = card.classes.length;
    const model = await openStoredModel(version);
    const views = await viewsOf(model.predict, test, { imageSize: images.size, classes });
    model.dispose();
    const six = topClasses(views.mean, classes);
    const rows = [0, ...SHARES, 1].map((share) => {
      const answers = selectiveAnswers(views, classes, share);
      const { difference, interval95, onlyFirst, onlySecond, pValue } = pairedTest(six, answers, test.labels);
      const accuracy = agreement(answers, test.labels);
      measured.push({ version: id, recipe: card.recipe.name, share, accuracy, difference, interval95, pValue });
      const [low, high] = interval95.map((end) => (100 * end).toFixed(2));
      return [
        share === 0 ? 'plain' : share === 1 ? 'six views of all' : `six views of ${percent(share, { digits: 0 })}`,
        (1 + share * (PASSES - 1)).toFixed(2),
        percent(accuracy),
        share === 1 ? '' : `${(100 * difference).toFixed(2)} points (${low} to ${high})`,
        share === 1 ? '' : String(onlyFirst),
        share === 1 ? '' : String(onlySecond),
        share === 1 ? '' : pValue.toFixed(3),
      ];
    });
    process.stdout.write(
      `\n${[`${id} (${card.recipe.name}, seed ${card.seed})`, ...aligned([heading, ...rows])].join('\n')}\n`,
    );
  }
  const command = `npm run bench -- tta --store ${place}${versions.length > 0 ? ` --versions ${versions.join(' ')}` : ''}`;
  process.stdout.write(`${(await writeResults('tta', command, { measured })).join('\n')}\n`);
}
