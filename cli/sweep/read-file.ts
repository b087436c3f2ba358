import { readFile } from 'node:fs/promises';
import { type Document, isPair, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml';
import * as z from 'zod/mini';
import { systemError } from '#errors/system-error.ts';
import { UsageError } from '#errors/user-error.ts';
import { nearest } from '#training/recipe/nearest.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import { settingNames } from '#training/recipe/settings-schema.ts';
import { changesIn, SweepFile, takes } from './definition.ts';

/** A sweep file is not one. */
class InvalidSweepFile extends UsageError {
  override readonly name = 'InvalidSweepFile';
}

/** Whether the argument of `sweep` is a file, by its name. */
export function isSweepFile(argument: string): boolean {
  return /\.(ya?ml|json)$/i.test(argument);
}

/**
 * Reads a sweep file. JSON is YAML, too.
 *
 * @throws {InvalidSweepFile} the message names line and key. @throws {UserError} it cannot be read
 */
export async function readSweepFile(path: string): Promise<SweepFile> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw systemError(error) ?? error;
  });
  return parseSweepFile(text, path);
}

/** @param path for messages. @throws {InvalidSweepFile} the message names line and key */
export function parseSweepFile(text: string, path: string): SweepFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const [problem] = document.errors;
  if (problem !== undefined) {
    const message =
      problem.code === 'MULTIPLE_DOCS'
        ? 'a second document begins. A sweep file is one document: leave out "---" and what follows it.'
        : `it is not YAML (${problem.message}).`;
    throw new InvalidSweepFile(`${path}, line ${lineAt(problem.pos[0])}: ${message}`);
  }
  checkNodes(document, (offset, message) => new InvalidSweepFile(`${path}, line ${lineAt(offset)}${message}`));
  const root = plainValue(document, (offset, message) => {
    return new InvalidSweepFile(`${path}, line ${lineAt(offset)}: ${message}`);
  });
  const parsed = z.safeParse(SweepFile, root);
  if (parsed.success) {
    checkSettings(parsed.data, (at, message) => {
      const place = placeOf(at, (found) => document.getIn(found, true), lines);
      return new InvalidSweepFile(`${path}${place}: ${message}`);
    });
    return parsed.data;
  }
  const issue = deepest(parsed.error.issues[0]!);
  const at = issue.path.map(String);
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0]! : undefined;
  const place = placeOf(unknown === undefined ? at : [...at, unknown], (found) => document.getIn(found, true), lines);
  if (unknown === undefined) throw new InvalidSweepFile(`${path}${place}: ${explain(at, root)}`);
  const known = at.length === 0 ? Object.keys(SweepFile.shape) : ['name', 'set'];
  const meant = nearest(unknown, known);
  throw new InvalidSweepFile(
    `${path}${place}: there is no "${unknown}" here${meant ? `; did you mean "${meant}"?` : `. It takes ${known.join(', ')}.`}`,
  );
}

/**
 * Finds what the values of a document do not show.
 *
 * @param failure makes the error. @throws {InvalidSweepFile} an alias stands for nothing or for itself, or a key is `__proto__`
 */
function checkNodes(document: Document, failure: (offset: number, message: string) => InvalidSweepFile): void {
  visit(document, {
    Alias(_, alias, ancestors) {
      const { source, range } = alias;
      const node = alias.resolve(document);
      if (node === undefined) throw failure(range![0], `: there is no anchor &${source} before the alias *${source}.`);
      if (ancestors.includes(node)) throw failure(range![0], `: the alias *${source} stands within its own anchor.`);
    },
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.key) || pair.key.value !== '__proto__') return;
      const names = [...ancestors.filter(isPair), pair].map(({ key }) => String(key));
      throw failure(pair.key.range![0], `, ${names.join('.')}: there is no "__proto__" here.`);
    },
  });
}

/** @param failure makes the error. @throws {InvalidSweepFile} its aliases stand for more than a parser writes out */
function plainValue(document: Document, failure: (offset: number, message: string) => InvalidSweepFile): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    let last = 0;
    visit(document, {
      Alias(_, { range }) {
        last = range![0];
      },
    });
    throw failure(last, 'aliases of aliases stand for too many values. Write the values out.');
  }
}

/** @param failure makes the error. @throws {InvalidSweepFile} a recipe or setting is unknown, or a value is not one of a setting */
function checkSettings(
  { recipe, set, over = {}, variants = [] }: SweepFile,
  failure: (path: readonly string[], message: string) => InvalidSweepFile,
): void {
  const check = (path: readonly string[], changes: readonly string[]) => {
    try {
      resolveRecipe(recipe ?? 'quick', changes);
    } catch (error) {
      throw error instanceof UsageError ? failure(path, error.message) : error;
    }
  };
  if (recipe !== undefined) check(['recipe'], []);
  const checkName = (path: readonly string[], name: string) => {
    if ((settingNames as string[]).includes(name)) return;
    const meant = nearest(name, settingNames);
    const hint = meant ? `; did you mean "${meant}"?` : '. "./cifar10 train --help" lists them.';
    throw failure(path, `there is no setting "${name}"${hint}`);
  };
  const checkSet = (path: readonly string[], given: SweepFile['set']) => {
    for (const [index, change] of changesIn(given).entries()) {
      const [name = ''] = change.split('=');
      const at = [...path, Array.isArray(given) ? String(index) : name];
      if (change.includes('=')) checkName(at, name);
      check(at, [change]);
    }
  };
  checkSet(['set'], set);
  for (const [index, variant] of variants.entries()) checkSet(['variants', String(index), 'set'], variant.set);
  for (const [name, values] of Object.entries(over)) {
    checkName(['over', name], name);
    for (const [index, value] of values.entries()) check(['over', name, String(index)], [`${name}=${value}`]);
  }
}

type Issue = z.core.$ZodIssue;

/** Of alternatives, the problem of the one that got furthest. */
function deepest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors
    .flat()
    .map(deepest)
    .sort((one, other) => other.path.length - one.path.length)[0];
  return inner === undefined || inner.path.length === 0 ? issue : { ...inner, path: [...issue.path, ...inner.path] };
}

/** Such as `, line 3, over.learningRate`. The line is that of the innermost part that is there. */
function placeOf(path: readonly string[], nodeAt: (path: readonly unknown[]) => unknown, lines: LineCounter): string {
  const name = path.length === 0 ? '' : `, ${path.join('.')}`;
  for (let length = path.length; length >= 0; length--) {
    const found = path.slice(0, length).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    const range = (nodeAt(found) as Node | undefined)?.range;
    if (range) return `, line ${lines.linePos(range[0]).line}${name}`;
  }
  return name;
}

/** What is wrong with a value. */
function explain(path: readonly string[], root: unknown): string {
  const found = path.reduce<unknown>((value, part) => (value as Record<string, unknown> | null)?.[part], root);
  const [member] = path;
  if (member === undefined) return 'it is no sweep. Give a mapping with recipe, over, seeds and so on.';
  const name = path.findLast((part) => !/^\d+$/.test(part));
  const text = typeof found === 'number' ? String(found) : JSON.stringify(found);
  const shown = found === undefined ? 'is missing' : `cannot be ${text}`;
  const what = `${name === member ? 'Give' : `${member} takes`} ${takes[member as keyof SweepFile]}.`;
  return `${name} ${shown}. ${what}`;
}
