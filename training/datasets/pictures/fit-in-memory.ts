import { constants } from 'node:buffer';
import { UserError } from '#errors/user-error.ts';
import { imageSizes } from '../../data/dataset.ts';
import { freeMemory } from '../../data/free-memory.ts';

/**
 * Training holds the pixels of all pictures in memory: 3 bytes a pixel, 490 MB for 10,000 pictures of 128x128.
 *
 * @param size pixels across and down
 * @throws {UserError} this process cannot have so much; the message says which size would fit
 */
export function assertFitInMemory(pictures: number, size: number): void {
  const bytes = (each: number) => pictures * 3 * each ** 2;
  const most = Math.min(freeMemory(), constants.MAX_LENGTH);
  if (bytes(size) <= most) return;
  const smaller = imageSizes.findLast((each) => each < size && bytes(each) <= most);
  const remedy = smaller === undefined ? 'Train on fewer' : `Set imageSize=${smaller}, or train on fewer`;
  throw new UserError(
    `${pictures.toLocaleString('en')} pictures of ${size}x${size} pixels take ${gigabytes(bytes(size))} of memory, and this process can have ` +
      `${gigabytes(most)}. ${remedy}, or on a machine with more memory.`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
