import type { Pack, PixelPlace } from './pack.ts';
import type { PictureFacts } from './picture-facts.ts';

/** A picture that was read. */
export interface ReadPicture extends PixelPlace {
  readonly facts: PictureFacts;
}

/** Bits in which the likeness of near duplicates may differ. */
const BITS = 3;
/** The mean difference of their values, of 255. Scaling and a new JPEG change fewer than 3; another picture of a film, more. */
const DIFFERENCE = 4;
/** Pictures that one is compared with that share a quarter of its likeness: skies and studio backgrounds share it in thousands. */
const COMPARED = 64;

/**
 * Numbers pictures so that equal files and near duplicates have the same number: copies that were scaled or saved again.
 *
 * Likenesses that differ in at most three bits have one of four quarters in common, so only pictures that share a quarter are
 * compared, by their pixels then. A picture of one colour is like any other such, and counts as a duplicate only of its equals.
 *
 * @param size in pixels across and down
 * @returns a number for each picture: the index of the first one of its kind
 */
export async function nearDuplicates(pictures: readonly ReadPicture[], size: number, pack: Pack): Promise<number[]> {
  const first = new Map<string, number>();
  const buckets = new Map<string, number[]>();
  const units: number[] = [];
  const [one, other] = [new Uint8Array(3 * size * size), new Uint8Array(3 * size * size)];
  for (const [index, picture] of pictures.entries()) {
    const { sha256, likeness, isPlain } = picture.facts;
    const equal = first.get(sha256);
    if (equal !== undefined) {
      units.push(units[equal]!);
      continue;
    }
    first.set(sha256, index);
    units.push(index);
    if (isPlain) continue;
    const quarters = [0, 1, 2, 3].map((each) => `${each}${likeness.slice(4 * each, 4 * each + 4)}`);
    const candidates = new Set(quarters.flatMap((quarter) => buckets.get(quarter)?.slice(-COMPARED) ?? []));
    for (const candidate of candidates) {
      if (differingBits(likeness, pictures[candidate]!.facts.likeness) > BITS) continue;
      await pack.read(picture, one);
      await pack.read(pictures[candidate]!, other);
      if (meanDifference(one, other) > DIFFERENCE) continue;
      units[index] = units[candidate]!;
      break;
    }
    for (const quarter of quarters) {
      const bucket = buckets.get(quarter);
      if (bucket) bucket.push(index);
      else buckets.set(quarter, [index]);
    }
  }
  return units;
}

function differingBits(one: string, other: string): number {
  let bits = 0;
  for (let at = 0; at < 16; at += 8) {
    let difference = Number.parseInt(one.slice(at, at + 8), 16) ^ Number.parseInt(other.slice(at, at + 8), 16);
    for (; difference !== 0; difference &= difference - 1) bits++;
  }
  return bits;
}

function meanDifference(one: Uint8Array, other: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += Math.abs(one[at]! - other[at]!);
  return sum / one.length;
}
