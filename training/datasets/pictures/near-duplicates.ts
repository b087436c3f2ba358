import { DisjointSets } from './disjoint-sets.ts';
import type { Pack, PixelPlace } from './pack.ts';
import { COLOUR_VALUES, type PictureFacts } from './picture-facts.ts';

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
/** Pictures whose pixels one is compared with. */
const READ = 16;

/**
 * Numbers pictures so that equal files and near duplicates have the same number: copies that were scaled or saved again.
 *
 * Likenesses that differ in at most three bits have one of four quarters in common, so only pictures that share a quarter are
 * compared: by their likeness, then by their few colours, then by their pixels. A picture of one colour is like any other
 * such, and counts as a duplicate only of its equals. The time grows with the number of pictures, not with its square, and 80
 * bytes a picture are needed.
 *
 * @param size in pixels across and down
 * @returns a number for each picture: the same one if a chain of duplicates leads from one to the other
 */
export async function nearDuplicates(pictures: readonly ReadPicture[], size: number, pack: Pack): Promise<number[]> {
  const sets = new DisjointSets(pictures.length);
  const first = new Map<number, number>(); // By the place of the pixels, which equal files share.
  const quarters = new Uint16Array(4 * pictures.length);
  const colours = new Uint8Array(COLOUR_VALUES * pictures.length);
  // The last picture with each value of each quarter, and for each picture the one before it: 0 is none, 1 the first.
  const last = new Int32Array(4 << 16);
  const before = new Int32Array(4 * pictures.length);
  const seenFor = new Int32Array(pictures.length).fill(-1);
  const [one, other] = [new Uint8Array(3 * size * size), new Uint8Array(3 * size * size)];
  for (const [index, picture] of pictures.entries()) {
    const { facts, at } = picture;
    const equal = first.get(at);
    if (equal !== undefined) {
      sets.join(index, equal);
      continue;
    }
    first.set(at, index);
    if (facts.isPlain) continue;
    colours.set(Buffer.from(facts.colours, 'base64'), COLOUR_VALUES * index);
    for (let each = 0; each < 4; each++) {
      quarters[4 * index + each] = Number.parseInt(facts.likeness.slice(4 * each, 4 * each + 4), 16);
    }
    const alike: number[] = [];
    for (let each = 0; each < 4; each++) {
      let candidate = last[(each << 16) | quarters[4 * index + each]!]! - 1;
      for (let count = 0; count < COMPARED && candidate >= 0; count++) {
        if (seenFor[candidate] !== index) {
          seenFor[candidate] = index;
          if (differingBits(quarters, index, candidate) <= BITS && haveLikeColours(colours, index, candidate)) {
            alike.push(candidate);
          }
        }
        candidate = before[4 * candidate + each]! - 1;
      }
    }
    if (alike.length > 0) await pack.read(picture, one);
    for (const candidate of alike.slice(0, READ)) {
      if (sets.areJoined(index, candidate)) continue;
      await pack.read(pictures[candidate]!, other);
      if (sumOfDifferences(one, other) <= DIFFERENCE * one.length) sets.join(index, candidate);
    }
    for (let each = 0; each < 4; each++) {
      const slot = (each << 16) | quarters[4 * index + each]!;
      before[4 * index + each] = last[slot]!;
      last[slot] = index + 1;
    }
  }
  return pictures.map((_, index) => sets.rootOf(index));
}

function differingBits(quarters: Uint16Array, one: number, other: number): number {
  let bits = 0;
  for (let each = 0; each < 4 && bits <= BITS; each++) {
    let difference = quarters[4 * one + each]! ^ quarters[4 * other + each]!;
    for (; difference !== 0; difference &= difference - 1) bits++;
  }
  return bits;
}

/** The means of areas differ by no more than their pixels do on average; each was rounded by half at most. */
function haveLikeColours(colours: Uint8Array, one: number, other: number): boolean {
  let sum = 0;
  for (let at = 0; at < COLOUR_VALUES; at++) {
    sum += Math.abs(colours[COLOUR_VALUES * one + at]! - colours[COLOUR_VALUES * other + at]!);
  }
  return sum <= (DIFFERENCE + 1) * COLOUR_VALUES;
}

function sumOfDifferences(one: Uint8Array, other: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += Math.abs(one[at]! - other[at]!);
  return sum;
}
