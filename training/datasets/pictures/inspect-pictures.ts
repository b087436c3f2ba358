import { defaultForm, type LoadOptions } from '../../data/dataset.ts';
import { groupBy } from '../../data/group-by.ts';
import { type Checked, checkPictures } from './check-pictures.ts';
import type { Example, Finding } from './finding.ts';
import type { UsablePicture } from './findings.ts';
import { withPictures } from './import-pictures.ts';
import { listPictures } from './list-pictures.ts';
import type { SplitName } from './listing.ts';
import type { Pack } from './pack.ts';

/** The pictures of each class by their split, and what is wrong with them. */
export interface InspectedPictures {
  readonly title: string;
  readonly classes: readonly InspectedClass[];
  readonly findings: readonly InspectedFinding[];
  /** Across and down, of the pixels that are shown. */
  readonly size: number;
}

export interface InspectedClass extends Readonly<Record<SplitName, number>> {
  readonly name: string;
  /** Some of its pictures. */
  readonly samples: readonly ShownPicture[];
}

export interface InspectedFinding extends Omit<Finding, 'examples'> {
  readonly examples: readonly (Omit<Example, 'pictures'> & { readonly pictures: readonly ShownPicture[] })[];
}

export interface ShownPicture {
  readonly path: string;
  /** `[size, size, 3]` uint8, of the first ones: of a class, of a finding, and of all classes. */
  readonly pixels?: Uint8Array;
}

/** Pictures that are shown of a class; of thousands of classes, of each fewer, and in the end of none. */
const [OF_CLASS, OF_CLASSES] = [8, 2_400];
/** Examples of a finding that are shown with pictures, and the pictures of each. */
const [EXAMPLES, OF_EXAMPLE] = [12, 3];

/**
 * Opens the pictures of a folder or a table, and reports on them, whether they can be trained on or not.
 *
 * @throws {UserError} there are no pictures, or not those of two classes
 */
export async function inspectPictures(
  place: string,
  options: Pick<LoadOptions, 'progress' | 'signal' | 'onBad'>,
): Promise<InspectedPictures> {
  const listing = await listPictures(place, options);
  const { size } = defaultForm;
  return withPictures(listing, defaultForm, options, async (pictures, pack) => {
    const checked = await checkPictures(listing, pictures, { pack, size, onBad: options.onBad });
    const { usable, splits, findings } = checked;
    const counts = listing.classes.map(() => ({ train: 0, val: 0, test: 0 }));
    for (const [index, { label }] of usable.entries()) counts[label]![splits[index]!]++;
    const shown = await samplesOf(listing.classes.length, checked, (picture) => read(picture, size, pack));
    return {
      ...{ title: listing.title, size },
      classes: listing.classes.map((name, label) => ({ name, ...counts[label]!, samples: shown[label]! })),
      findings: await Promise.all(
        findings.map((each) => withPixels(each, usable, (picture) => read(picture, size, pack))),
      ),
    };
  });
}

type Read = (picture: UsablePicture) => Promise<ShownPicture>;

async function read(picture: UsablePicture, size: number, pack: Pack): Promise<ShownPicture> {
  const pixels = new Uint8Array(3 * size * size);
  await pack.read(picture, pixels);
  return { path: picture.path, pixels };
}

/** Pictures of each class, spread over all of its pictures. */
async function samplesOf(classes: number, { usable }: Checked, readOne: Read): Promise<ShownPicture[][]> {
  const ofEach = Math.min(OF_CLASS, Math.max(1, Math.floor(OF_CLASSES / classes)));
  const byClass = groupBy(usable.keys(), (index) => usable[index]!.label);
  return Promise.all(
    Array.from({ length: classes }, (_, label) => {
      const indices = byClass.get(label) ?? [];
      const count = label < OF_CLASSES ? Math.min(ofEach, indices.length) : 0;
      const chosen = Array.from({ length: count }, (_, at) => indices[Math.floor((at * indices.length) / count)]!);
      return Promise.all(chosen.map((index) => readOne(usable[index]!)));
    }),
  );
}

async function withPixels(
  { examples, ...found }: Finding,
  usable: readonly UsablePicture[],
  readOne: Read,
): Promise<InspectedFinding> {
  const shown = await Promise.all(
    examples.map(async ({ words, pictures }, example) => ({
      words,
      pictures: await Promise.all(
        pictures.map((index, at) =>
          example < EXAMPLES && at < OF_EXAMPLE ? readOne(usable[index]!) : { path: usable[index]!.path },
        ),
      ),
    })),
  );
  return { ...found, examples: shown };
}
