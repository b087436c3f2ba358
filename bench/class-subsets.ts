import type { DataIdentity } from '#models/data-identity.ts';
import { sha256Of } from '#models/manifest.ts';
import type { Dataset, Split } from '#training/data/dataset.ts';
import { random } from '#training/random/random.ts';

/** Key of the random numbers that choose pictures, apart from those of a training. */
const CHOICE = 14;

/** Indices of the images of each of these classes, in the order of the split. */
function indicesByClass({ labels }: Split, classes: readonly number[]): number[][] {
  return classes.map((label) => [...labels.keys()].filter((index) => labels[index] === label));
}

/** @param indices of images @param classes old labels, in the order of the new ones */
function splitOf({ images, labels, count }: Split, indices: readonly number[], classes: readonly number[]): Split {
  const size = images.length / count;
  const chosen = { images: new Uint8Array(indices.length * size), labels: new Uint8Array(indices.length) };
  for (const [place, index] of indices.entries()) {
    chosen.images.set(images.subarray(index * size, (index + 1) * size), place * size);
    chosen.labels[place] = classes.indexOf(labels[index]!);
  }
  return { count: indices.length, ...chosen };
}

export interface SubsetOptions {
  /** Names of the data set's classes, in the order of the subset's. */
  readonly classes: readonly string[];
  /** Training pictures of each class. @default all */
  readonly pictures?: number | undefined;
  /** Chooses them. */
  readonly seed: number;
  /** The first training pictures of each class, that are never chosen, so that settings can be chosen by them. @default 0 */
  readonly reserved?: number;
}

/**
 * Some classes of a data set, with some of their training pictures and all of their test pictures. Nothing is held out: the
 * number of pictures is the number that is trained on.
 */
export function subsetOf(data: Dataset, { classes, pictures, seed, reserved = 0 }: SubsetOptions): Dataset {
  const labels = classes.map((name) => data.classes.indexOf(name));
  const chosen = indicesByClass(data.train, labels).flatMap((indices, at) => {
    const order = indices.slice(reserved);
    if (pictures === undefined) return order;
    const draw = random(seed, CHOICE, at);
    for (let place = 0; place < pictures; place++) {
      const other = place + draw.integer(order.length - place);
      [order[place], order[other]] = [order[other]!, order[place]!];
    }
    return order.slice(0, pictures);
  });
  const train = splitOf(data.train, chosen, labels);
  const test = splitOf(data.test, indicesByClass(data.test, labels).flat(), labels);
  const sha256 = ({ labels, images }: Split) => sha256Of(Buffer.concat([Uint8Array.from(labels), images]));
  const identity: DataIdentity = { name: `${data.name}-subset`, sha256: { train: sha256(train), test: sha256(test) } };
  const images = { ...data.images, classes: classes.length };
  return { ...identity, title: `${classes.length} classes of ${data.title}`, classes, images, train, test, heldOut: 0 };
}

/** The training pictures that `reserved` keeps from being chosen. */
export function reservedOf(data: Dataset, classes: readonly string[], reserved: number): Split {
  const labels = classes.map((name) => data.classes.indexOf(name));
  const indices = indicesByClass(data.train, labels).flatMap((all) => all.slice(0, reserved));
  return splitOf(data.train, indices, labels);
}
