import { groupBy } from '../../data/group-by.ts';
import { counted, type Example, type Finding, finding } from './finding.ts';
import type { Listing, SplitName } from './listing.ts';
import { nameFindings } from './name-findings.ts';
import type { ReadPicture } from './near-duplicates.ts';
import type { PictureProblem, ProblemCause } from './picture-facts.ts';

/** A listed picture that was read. */
export interface UsablePicture extends ReadPicture {
  readonly path: string;
  readonly label: number;
  readonly split?: SplitName;
  readonly group?: string;
}

export interface BrokenPicture extends PictureProblem {
  readonly path: string;
  readonly label: number;
}

/** Pictures of a class below which accuracies say little. */
const FEW = 20;
/** The largest class has so many times the pictures of the smallest: then a net that ignores the smallest looks good. */
const IMBALANCE = 10;
/** More times as long as wide, or as wide as long. */
const LONG = 3;
/** Fewer pixels across or down than half of the smallest input. */
const SMALL = 16;
/** A size that so many pictures have, as a share, is the size of the set; at least so many pictures make a set. */
const [USUAL, MANY] = [0.9, 20];
/** Times as large or as small as the middle one. */
const OTHER_SIZE = 8;

/** What was found of the pictures one by one. */
export interface Seen {
  readonly usable: readonly UsablePicture[];
  readonly broken: readonly BrokenPicture[];
  /** The split of each usable picture. */
  readonly splits: readonly SplitName[];
  /** A number for each usable picture, the same for near duplicates: the index of one of them. */
  readonly likes: readonly number[];
}

/** What a person should know of a set of pictures, what matters most first. */
export function findingsOf(listing: Listing, seen: Seen): Finding[] {
  const findings = [
    ...brokenFindings(seen),
    ...duplicateFindings(listing, seen),
    ...classFindings(listing, seen),
    ...pictureFindings(seen),
    ...nameFindings(listing, seen.usable),
    ...leftOutFindings(listing),
  ];
  const levels = ['error', 'warning', 'note'];
  return findings.sort((one, other) => levels.indexOf(one.level) - levels.indexOf(other.level));
}

const causes: Readonly<Record<ProblemCause, { readonly one: string; readonly many: string; readonly remedy: string }>> =
  {
    unreadable: {
      one: 'file that could not be opened',
      many: 'files that could not be opened',
      remedy: 'They are left out. Let this user read them, or put them where the table says.',
    },
    empty: {
      one: 'empty file',
      many: 'empty files',
      remedy: 'They are left out. A copy or download was cut off: get them again, or remove them.',
    },
    damaged: {
      one: 'damaged or truncated picture',
      many: 'damaged or truncated pictures',
      remedy: 'They are left out. Get them again, save them again, or remove them.',
    },
    'too-large': {
      one: 'picture that is too large',
      many: 'pictures that are too large',
      remedy: 'They are left out. Scale them down.',
    },
    'no-picture': {
      one: 'file that is no picture of a known format',
      many: 'files that are no pictures of a known format',
      remedy: 'They are left out. Save them as PNG or JPEG, or remove them.',
    },
    heic: {
      one: 'HEIC picture',
      many: 'HEIC pictures',
      remedy:
        'They are left out: Apple’s format has no free decoder here. Convert them, as with "heif-convert photo.heic photo.jpg" or ' +
        '"magick mogrify -format jpg *.heic"; an iPhone takes JPEG with Settings, Camera, Formats, Most Compatible.',
    },
  };

function brokenFindings({ broken }: Seen): Finding[] {
  const byCause = groupBy(broken, ({ cause }) => cause);
  return (Object.keys(causes) as ProblemCause[]).flatMap((kind) => {
    const { one, many, remedy } = causes[kind];
    const examples = (byCause.get(kind) ?? []).map(({ path, problem }) => ({
      words: `${path} ${problem}`,
      pictures: [],
    }));
    return finding({ kind, level: 'warning', title: counted(one, many), remedy }, examples);
  });
}

function leftOutFindings({ leftOut }: Listing): Finding[] {
  const those = (kind: 'hidden' | 'link' | undefined) =>
    leftOut
      .filter((each) => each.kind === kind)
      .map(({ path, reason }) => ({ words: `${path} ${reason}`, pictures: [] }));
  return [
    ...finding(
      {
        ...{ kind: 'links', level: 'warning' },
        title: counted('link left out', 'links left out'),
        remedy: 'Copy the pictures that they lead to into the folder.',
      },
      those('link'),
    ),
    ...finding(
      {
        ...{ kind: 'left-out', level: 'warning' },
        title: counted('file left out', 'files left out'),
        remedy: 'If one is a picture, move it into the folder of its class.',
      },
      those(undefined),
    ),
    ...finding(
      {
        ...{ kind: 'hidden', level: 'note' },
        title: counted('hidden file left out', 'hidden files left out'),
        remedy: 'Systems leave such files, such as .DS_Store and Thumbs.db. They may be removed.',
      },
      those('hidden'),
    ),
  ];
}

function pictureFindings({ usable }: Seen): Finding[] {
  const those = (has: (picture: UsablePicture) => string | undefined): Example[] =>
    usable.flatMap((picture, index) => {
      const found = has(picture);
      return found === undefined ? [] : [{ words: `${picture.path}${found}`, pictures: [index] }];
    });
  const size = ({ facts: { width, height } }: UsablePicture) => `${width}x${height}`;
  const grey = those(({ facts }) => (facts.isGrey && !facts.isPlain ? '' : undefined));
  const usual = usualSize(usable);
  return [
    ...finding(
      {
        ...{ kind: 'wrong-ending', level: 'warning' },
        title: counted('file whose name ends as another format', 'files whose names end as another format'),
        remedy: 'They are used. Other programs may refuse them: rename them.',
      },
      those(({ facts }) => facts.format && ` is ${facts.format}`),
    ),
    ...finding(
      {
        ...{ kind: 'plain', level: 'warning' },
        title: counted('picture of a single colour', 'pictures of a single colour'),
        remedy: 'There is nothing to learn from them: remove them.',
      },
      those(({ facts }) => (facts.isPlain ? '' : undefined)),
    ),
    ...finding(
      {
        ...{ kind: 'odd-shape', level: 'warning' },
        title: counted(
          `picture more than ${LONG} times as long as wide`,
          `pictures more than ${LONG} times as long as wide`,
        ),
        remedy: 'Only the middle of them is seen: cut out what matters, or train with "--set fit=pad".',
      },
      those((picture) => {
        const { width, height } = picture.facts;
        return Math.max(width / height, height / width) > LONG ? ` (${size(picture)})` : undefined;
      }),
    ),
    ...finding(
      {
        ...{ kind: 'small', level: 'warning' },
        title: counted(
          `picture of less than ${SMALL} pixels across or down`,
          `pictures of less than ${SMALL} pixels across or down`,
        ),
        remedy: 'They are blown up. Use the originals, if these are thumbnails.',
      },
      those((picture) =>
        Math.min(picture.facts.width, picture.facts.height) < SMALL ? ` (${size(picture)})` : undefined,
      ),
    ),
    ...finding(
      {
        ...{ kind: 'odd-size', level: 'note' },
        title: counted('picture of an unusual size', 'pictures of an unusual size'),
        remedy: `${usual.words}. If these came from elsewhere, a net may learn where from: mix them into every class.`,
      },
      those((picture) => (usual.isOther(picture) ? ` (${size(picture)})` : undefined)),
    ),
    ...finding(
      {
        ...{ kind: 'grey', level: 'note' },
        title: (count) =>
          count === usable.length
            ? `All ${count.toLocaleString('en')} pictures are grey`
            : `${counted('grey picture', 'grey pictures')(count)} among ${(usable.length - count).toLocaleString('en')} with colours`,
        remedy:
          grey.length === usable.length
            ? 'They are trained on as they are. If they had colours once, use the originals.'
            : 'If most of them are of one class, a net learns that grey means this class: mix them into every class, or make all pictures grey.',
      },
      grey,
    ),
    ...finding(
      {
        ...{ kind: 'repaired', level: 'note' },
        title: counted('file with slight damage', 'files with slight damage'),
        remedy: 'They are used; the pictures are whole.',
      },
      those(({ facts }) => facts.repaired && ` (${facts.repaired})`),
    ),
  ];
}

/** The size that nearly all pictures have, or else the one in the middle. */
function usualSize(usable: readonly UsablePicture[]): {
  readonly words: string;
  isOther(picture: UsablePicture): boolean;
} {
  if (usable.length < MANY) return { words: '', isOther: () => false };
  const counts = new Map<string, number>();
  for (const { facts } of usable) {
    const size = `${facts.width}x${facts.height}`;
    counts.set(size, (counts.get(size) ?? 0) + 1);
  }
  const [usual, count] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most));
  if (count >= USUAL * usable.length) {
    return {
      words: `The others are ${usual}`,
      isOther: ({ facts: { width, height } }) => `${width}x${height}` !== usual,
    };
  }
  const side = ({ facts: { width, height } }: UsablePicture) => Math.min(width, height);
  const middle = usable.map(side).sort((a, b) => a - b)[Math.floor(usable.length / 2)]!;
  return {
    words: `Half of the pictures have ${middle} pixels or more across and down`,
    isOther: (picture) => side(picture) > OTHER_SIZE * middle || OTHER_SIZE * side(picture) < middle,
  };
}

function duplicateFindings({ classes }: Listing, { usable, likes, splits }: Seen): Finding[] {
  const times = new Uint32Array(usable.length);
  for (const like of likes) times[like]!++;
  const several = [...usable.keys()].filter((index) => times[likes[index]!]! > 1);
  const copies = [...groupBy(several, (index) => likes[index]!).values()];
  const over = copies.filter((indices) => new Set(indices.map((index) => usable[index]!.label)).size > 1);
  const leaks = copies.filter((indices) => new Set(indices.map((index) => splits[index])).size > 1);
  const isExact = (indices: readonly number[]) =>
    new Set(indices.map((index) => usable[index]!.facts.sha256)).size < indices.length;
  const named = (indices: readonly number[], note = ''): Example => {
    const [one, other] = indices.map((index) => usable[index]!.path);
    const more = indices.length > 2 ? ` and ${indices.length - 2} more` : '';
    return { words: `${one} and ${other}${more}${note}`, pictures: indices };
  };
  /** The first picture, and then the first that differs from it. */
  const differing = (indices: readonly number[], memberOf: (index: number) => unknown): number[] => {
    const [first] = indices;
    return [first!, indices.find((index) => memberOf(index) !== memberOf(first!))!];
  };
  const labelsOf = (indices: readonly number[]) =>
    [...new Set(indices.map((index) => `"${classes[usable[index]!.label]}"`))].join(', ');
  const remedy = 'They count as often as they are there. Remove copies that are not meant.';
  return [
    ...finding(
      {
        ...{ kind: 'two-classes', level: 'warning' },
        title: counted('picture in more than one class', 'pictures in more than one class'),
        remedy: 'One of the labels is wrong, and no net can learn both: remove it.',
      },
      over.map((indices) =>
        named(
          differing(indices, (index) => usable[index]!.label),
          ` (${labelsOf(indices)})`,
        ),
      ),
    ),
    ...finding(
      {
        ...{ kind: 'leakage', level: 'warning' },
        title: counted('picture both trained on and measured with', 'pictures both trained on and measured with'),
        remedy: 'The accuracy will look better than it is: keep each in one split.',
      },
      leaks.map((indices) => named(differing(indices, (index) => splits[index]))),
    ),
    ...finding(
      {
        ...{ kind: 'duplicates', level: 'warning' },
        title: counted('picture that is there more than once', 'pictures that are there more than once'),
        remedy,
      },
      copies.filter(isExact).map((indices) => named(indices)),
    ),
    ...finding(
      {
        ...{ kind: 'near-duplicates', level: 'warning' },
        title: counted(
          'picture that is there again, scaled or saved anew',
          'pictures that are there again, scaled or saved anew',
        ),
        remedy,
      },
      copies.filter((indices) => !isExact(indices)).map((indices) => named(indices)),
    ),
  ];
}

function classFindings({ classes }: Listing, { usable }: Seen): Finding[] {
  const counts = groupBy(usable.keys(), (index) => usable[index]!.label);
  const sizes = classes
    .map((name, label) => ({ name, pictures: counts.get(label) ?? [] }))
    .sort((a, b) => a.pictures.length - b.pictures.length);
  const [least, most] = [sizes[0]!, sizes.at(-1)!];
  return [
    ...finding(
      {
        ...{ kind: 'few-pictures', level: 'warning' },
        title: (count) => `${counted('class', 'classes')(count)} with fewer than ${FEW} pictures`,
        remedy: 'Add pictures: an accuracy over so few says little.',
      },
      sizes
        .filter(({ pictures }) => pictures.length < FEW)
        .map(({ name, pictures }) => ({ words: `"${name}" (${pictures.length})`, pictures })),
    ),
    ...finding(
      {
        ...{ kind: 'imbalance', level: 'warning' },
        title: () => `A class has more than ${IMBALANCE} times the pictures of another`,
        remedy:
          'Rare classes will be missed more often: add pictures to them, or train with "--set classWeights=balanced".',
      },
      most.pictures.length > IMBALANCE * least.pictures.length
        ? [
            {
              words: `"${most.name}" (${most.pictures.length.toLocaleString('en')}) and "${least.name}" (${least.pictures.length})`,
              pictures: [...most.pictures.slice(0, 1), ...least.pictures.slice(0, 1)],
            },
          ]
        : [],
    ),
  ];
}
