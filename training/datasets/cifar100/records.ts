import { UserError } from '#errors/user-error.ts';
import type { Split } from '../../data/dataset.ts';

const PLANE = 32 * 32;
/** A coarse label, a fine label, and all red, then green, then blue bytes. */
const RECORD = 2 + 3 * PLANE;

/** Which of the two labels of a record is meant. */
export type Labelling = 'fine' | 'coarse';

/**
 * Decodes the records of `train.bin` or `test.bin`.
 *
 * @returns images `[N, 32, 32, 3]`
 * @throws {UserError} they are no whole number of records, or a label is out of range
 * @see https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"
 */
export function decodeRecords(bytes: Uint8Array, labelling: Labelling): Split {
  const count = bytes.length / RECORD;
  if (!Number.isInteger(count)) {
    throw new UserError(`A file of CIFAR-100 has ${bytes.length} bytes, which is no multiple of ${RECORD}.`);
  }
  const labels = new Uint8Array(count);
  const images = new Uint8Array(count * 3 * PLANE);
  for (let image = 0; image < count; image++) {
    const record = image * RECORD;
    const [coarse, fine] = [bytes[record]!, bytes[record + 1]!];
    if (coarse >= 20 || fine >= 100) {
      throw new UserError(`Picture ${image} of a file of CIFAR-100 has the labels ${coarse} and ${fine}.`);
    }
    labels[image] = labelling === 'fine' ? fine : coarse;
    let to = image * 3 * PLANE;
    for (let pixel = 0; pixel < PLANE; pixel++) {
      const red = record + 2 + pixel;
      images[to++] = bytes[red]!;
      images[to++] = bytes[red + PLANE]!;
      images[to++] = bytes[red + 2 * PLANE]!;
    }
  }
  return { count, labels, images };
}
