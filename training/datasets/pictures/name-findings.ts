import { basename, dirname } from 'node:path/posix';
import { groupBy } from '../../data/group-by.ts';
import { type Finding, finding } from './finding.ts';
import type { Listing } from './listing.ts';

/** Characters that other systems or programs refuse or do not show: of control, at the ends, of Windows, pictures, directions. */
const odd = /[\p{Cc}\p{Cf}<>:"|?*\\]|\p{Extended_Pictographic}|^\s|[\s.]$/u;

/** What is unusual of the names of classes, folders and files. */
export function nameFindings(listing: Listing, usable: readonly { readonly path: string }[]): Finding[] {
  return [...alikeClasses(listing), ...unicodeForms(usable), ...oddNames(listing, usable)];
}

function alikeClasses({ classes }: Listing): Finding[] {
  const alike = groupBy(classes, (name) =>
    name
      .toLowerCase()
      .replaceAll(/[\s_-]+/g, ' ')
      .trim(),
  );
  const examples = [...alike.values()]
    .filter((names) => names.length > 1)
    .map((names) => ({ words: names.map((name) => `"${name}"`).join(' and '), pictures: [] }));
  return finding(
    {
      ...{ kind: 'similar-names', level: 'warning' },
      title: (count) =>
        `${count} ${count === 1 ? 'pair' : 'pairs'} of classes with names that differ in case or spaces alone`,
      remedy: 'If they mean the same, move their pictures into one.',
    },
    examples,
  );
}

/** Paths that look the same, since a letter with an accent is one character in one, and two in the other. */
function unicodeForms(usable: readonly { readonly path: string }[]): Finding[] {
  const places = new Set(
    usable.flatMap(({ path }) => (path === path.normalize('NFC') && isPlain(path) ? [] : foldersAnd(path))),
  );
  const forms = groupBy(places, (place) => place.normalize('NFC'));
  const examples = [...forms]
    .filter(([, same]) => same.length > 1)
    .map(([name, same]) => ({ words: `${name} (${same.length} times)`, pictures: [] }));
  return finding(
    {
      ...{ kind: 'unicode-forms', level: 'note' },
      title: (count) =>
        `${count} ${count === 1 ? 'name' : 'names'} in two forms of Unicode, which look the same (NFC and NFD)`,
      remedy: 'Copies from a Mac and from elsewhere differ so. Their classes are one here; move the pictures together.',
    },
    examples,
  );
}

/** Letters that have one form alone. */
function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** A path, and the folders that it lies in. */
function foldersAnd(path: string): string[] {
  return path === '.' ? [] : [path, ...foldersAnd(dirname(path))];
}

function oddNames({ classes }: Listing, usable: readonly { readonly path: string }[]): Finding[] {
  const named = classes.filter((name) => odd.test(name) || name.includes(' ')).map((name) => `the class "${name}"`);
  const files = usable.filter(({ path }) => odd.test(basename(path))).map(({ path }) => path);
  return finding(
    {
      ...{ kind: 'odd-names', level: 'note' },
      title: (count) =>
        `${count} ${count === 1 ? 'name' : 'names'} with blanks, emoji or characters that other programs may refuse`,
      remedy:
        'They are used as they are. In commands put them in quotes; for other programs rename them with letters, digits and dashes.',
    },
    [...named, ...files].map((words) => ({ words, pictures: [] })),
  );
}
