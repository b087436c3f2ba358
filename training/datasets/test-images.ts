import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadCifar10 } from './cifar10/cifar10.ts';

/**
 * The data set that a model can be measured on.
 *
 * @throws {UserError} the model knows other classes, or takes pictures of another size
 */
export async function loadTestImages({ classes, input }: Pick<Card, 'classes' | 'input'>): Promise<Dataset> {
  const data = await loadCifar10({ log: (line) => process.stderr.write(`${line}\n`) });
  if (!isDeepStrictEqual(classes, [...data.classes])) {
    throw new UserError(
      `The model tells ${classes.join(', ')} apart. ${data.name} has other classes, so its test images cannot measure it.`,
    );
  }
  const size = [input.height, input.width, input.channels];
  if (!isDeepStrictEqual(size, [...data.images.size])) {
    throw new UserError(
      `The model takes pictures of ${size.join('x')}; ${data.name} has ${data.images.size.join('x')}.`,
    );
  }
  return data;
}
