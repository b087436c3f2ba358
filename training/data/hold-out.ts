import { purpose, random } from '../random/random.ts';
import { type Dataset, type Split, slice } from './dataset.ts';
import { groupBy } from './group-by.ts';
import { emptyLabels } from './labels.ts';

type Held = Pick<Dataset, 'train' | 'heldOutImages'>;

/**
 * Sets training images aside for choices: the same ones for every seed of a run, so that runs can be compared.
 *
 * @param count how many; at most all
 */
export function holdOut(data: Held, count: number): { readonly train: Split; readonly heldOut: Split } {
  const { train } = data;
  if (data.heldOutImages === 'last') {
    const end = train.count - count;
    return { train: slice(train, 0, end), heldOut: slice(train, end, train.count) };
  }
  const held = new Set(heldOutIndices(data, count));
  const kept = Array.from({ length: train.count }, (_, image) => image).filter((image) => !held.has(image));
  return { train: select(train, kept), heldOut: select(train, [...held]) };
}

/** The indices of the images that `holdOut` sets aside, in ascending order. */
export function heldOutIndices({ train, heldOutImages = 'stratified' }: Held, count: number): number[] {
  if (heldOutImages === 'last') return Array.from({ length: count }, (_, index) => train.count - count + index);
  const classes = [...groupBy(train.labels.keys(), (image) => train.labels[image]!)].sort(
    ([one], [other]) => one - other,
  );
  const quotas = apportion(
    classes.map(([, images]) => images.length),
    count,
  );
  return classes
    .flatMap(([label, images], index) => {
      const shuffled = random(0, purpose.heldOut, label).shuffle(Int32Array.from(images));
      return [...shuffled.subarray(0, quotas[index])];
    })
    .sort((a, b) => a - b);
}

/** Divides `seats` in proportion to the sizes, to within one; the largest remainders are rounded up. */
function apportion(sizes: readonly number[], seats: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map((size) => (size * seats) / total);
  const quotas = exact.map(Math.floor);
  const missing = seats - quotas.reduce((sum, quota) => sum + quota, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => exact[b]! - quotas[b]! - (exact[a]! - quotas[a]!) || a - b);
  for (const index of byRemainder.slice(0, missing)) quotas[index]!++;
  return quotas;
}

function select(split: Split, indices: readonly number[]): Split {
  const size = split.images.length / split.count;
  const images = new Uint8Array(indices.length * size);
  const labels = emptyLabels(split.labels, indices.length);
  for (const [at, image] of indices.entries()) {
    images.set(split.images.subarray(image * size, (image + 1) * size), at * size);
    labels[at] = split.labels[image]!;
  }
  return { count: indices.length, images, labels };
}
