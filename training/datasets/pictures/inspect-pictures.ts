import { defaultForm, type LoadOptions } from '../../data/dataset.ts';
import { checkPictures } from './check-pictures.ts';
import type { Finding } from './findings.ts';
import { withPictures } from './import-pictures.ts';
import { listPictures } from './list-pictures.ts';
import type { SplitName } from './listing.ts';

/** The pictures of each class by their split, and what is wrong with them. */
export interface InspectedPictures {
  readonly title: string;
  readonly classes: readonly (Readonly<Record<SplitName, number>> & { readonly name: string })[];
  readonly findings: readonly Finding[];
}

/**
 * Opens the pictures of a folder or a table, and reports on them.
 *
 * @throws {UserError} as `loadPictures`
 */
export async function inspectPictures(
  place: string,
  options: Pick<LoadOptions, 'progress' | 'signal'>,
): Promise<InspectedPictures> {
  const listing = await listPictures(place, options);
  return withPictures(listing, defaultForm, options, async (pictures, pack) => {
    const { usable, splits, findings } = await checkPictures(listing, pictures, defaultForm.size, pack);
    const classes = listing.classes.map((name) => ({ name, train: 0, val: 0, test: 0 }));
    for (const [index, { label }] of usable.entries()) classes[label]![splits[index]!]++;
    return { title: listing.title, classes, findings };
  });
}
