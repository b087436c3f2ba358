import { parseLayersModel } from '#inference/engine/model/layers-model.ts';
import { lowerModel } from '#inference/engine/model/lower.ts';
import { openNetwork } from '#inference/engine/network.ts';
import { resolveVersion } from '#models/aliases.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { distanceOf, energyOf, textureOf, unfamiliarity } from '#models/unfamiliar.ts';
import { readVersion } from '#models/versions.ts';
import { openDataset } from '#training/datasets/open-dataset.ts';
import { openTestImages } from '#training/datasets/test-images.ts';
import { writeResults } from './results.ts';
import { type Area, areaOver, type Scores } from './unfamiliar/area.ts';
import { drawings, type Pictures, shifted } from './unfamiliar/pictures.ts';

interface Options {
  readonly store: string;
  readonly version: string;
  /** Data sets of other things, as `--data` takes them. */
  readonly against: readonly string[];
  /** Pictures of each kind. */
  readonly count: number;
}

interface Row {
  readonly name: string;
  readonly pictures: number;
  /** AUROC against the test images, of the score that is served and of its two parts. */
  readonly auroc: Area;
  /** The share that is called unfamiliar. */
  readonly unfamiliar: number;
}

/** How well a version tells pictures of its classes from others: AUROC, and the share that is called unfamiliar. */
export async function benchmarkUnfamiliar({ store: where, version: name, against, count }: Options): Promise<void> {
  const store = await openObjectStore(where);
  const version = await readVersion(store, await resolveVersion(store, name));
  const { card } = version;
  const known = card.unfamiliar;
  if (known === undefined) throw new Error(`${version.id} cannot tell: it was trained with too few held-out images.`);
  const network = await openNetwork(
    lowerModel(parseLayersModel(version.file('model.json'), version.file('weights.bin'))),
  );
  const { height, width, channels } = card.input;
  const bytes = height * width * channels;

  const scoresOf = (images: Uint8Array) => {
    const total = images.length / bytes;
    const classes = card.classes.length;
    const [score, energy, texture] = [new Float64Array(total), new Float64Array(total), new Float64Array(total)];
    const logits = network.logits(images);
    for (let image = 0; image < total; image++) {
      const row = logits.subarray(image * classes, (image + 1) * classes);
      const seen = textureOf(images.subarray(image * bytes, (image + 1) * bytes), card.input);
      score[image] = unfamiliarity(row, seen, known);
      energy[image] = -energyOf(row);
      texture[image] = distanceOf(seen, known.texture);
    }
    return { score, energy, texture };
  };

  const { test } = await openTestImages(card);
  const familiar = scoresOf(first(test.images, bytes, 10_000));
  const rows: Row[] = [];
  const measure = ({ name, images }: Pictures) => show(name, scoresOf(images));
  const show = (name: string, scores: Scores) => {
    const row: Row = {
      name,
      pictures: scores.score.length,
      auroc: areaOver(familiar, scores),
      unfamiliar: scores.score.filter((score) => score > known.above).length / scores.score.length,
    };
    rows.push(row);
    process.stdout.write(
      `${name.padEnd(34)} ${String(row.pictures).padStart(7)} ${[row.auroc.score, row.auroc.energy, row.auroc.texture]
        .map((value) => value.toFixed(3).padStart(9))
        .join('')} ${(100 * row.unfamiliar).toFixed(1).padStart(10)} %\n`,
    );
  };
  process.stdout.write(
    `${version.id}: ${card.classes.length} classes, ${(100 * card.accuracy.plain).toFixed(2)} %\n` +
      `${'pictures'.padEnd(34)} ${'number'.padStart(7)}    AUROC   energy  texture   unfamiliar\n`,
  );
  show('its own test images', familiar);
  for (const where of against) {
    const isNamed = /^[\w-]+$/.test(where);
    const other = await openDataset(where, isNamed ? {} : { image: { size: height, fit: card.input.fit ?? 'crop' } });
    measure({ name: other.title, images: first(other.test.images, bytes, 10_000) });
  }
  for (const each of drawings({ height, width, channels }, count)) measure(each);
  // Not other things, but what users send: how often are they refused?
  for (const each of shifted(first(test.images, bytes, count), { height, width, channels })) measure(each);
  const lines = await writeResults('unfamiliar', process.argv.slice(2).join(' '), { version: version.id, rows });
  process.stdout.write(`${lines.join('\n')}\n`);
}

function first(images: Uint8Array, bytes: number, count: number): Uint8Array {
  return images.subarray(0, count * bytes);
}
