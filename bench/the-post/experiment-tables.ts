import { percent, points } from '#models/percent.ts';
import type { ExperimentResults } from './experiment-results.ts';
import { markdownTable } from './markdown.ts';

export interface Experiment {
  /** Of `experiments/<name>.yaml`. */
  readonly name: string;
  /** What it asks: the first sentence of the file. */
  readonly question: string;
  /** Absent until it is measured. */
  readonly results?: ExperimentResults | undefined;
}

/** @param text of a sweep file. @returns its first sentence, which is a comment. @throws {RangeError} it begins with no comment */
export function questionOf(text: string): string {
  const comment = /^(?:#.*\n)+/.exec(text)?.[0].replaceAll(/^# ?/gm, '').replaceAll('\n', ' ');
  const sentence = /^.+?[.?](?= |$)/.exec(comment ?? '')?.[0];
  if (sentence === undefined) throw new RangeError('A file of experiments/ begins with a comment: what it asks.');
  return sentence;
}

/**
 * The tables of all experiments, one after the other, and what the others ask. The last column is for people: what stands there in the page stays.
 *
 * @param before what the page has there
 */
export function experimentTables(experiments: readonly Experiment[], before: string): string {
  const lessons = lessonsIn(before);
  const sections: string[] = [];
  const open: string[] = [];
  for (const { name, question, results } of experiments) {
    if (results === undefined) open.push(`- [${name}](../experiments/${name}.yaml): ${question}`);
    else sections.push(section({ name, question, results }, lessons));
  }
  if (open.length > 0) sections.push(`### Not measured yet\n${open.join('\n')}`);
  return sections.join('\n\n');
}

type Measured = Experiment & { readonly results: ExperimentResults };

const LESSON = 'what it teaches';

function section({ name, question, results }: Measured, lessons: ReadonlyMap<string, string>): string {
  const heading = `### ${question}\n[${name}](../experiments/${name}.yaml)`;
  const { sweeps, at, images, machines, baseline, groups } = results;
  const rows = groups.map(({ group, seeds, diverged, accuracy, interval95, loss, seconds, difference }) => [
    group,
    `${seeds.length}${diverged > 0 ? `, ${diverged} diverged` : ''}`,
    accuracy === undefined ? '' : percent(accuracy),
    interval95 ? intervalOf(interval95) : '',
    group === baseline ? 'baseline' : differenceOf(difference),
    loss?.toFixed(4) ?? '',
    seconds?.toFixed(0) ?? '',
    lessons.get(keyOf(name, group)) ?? '',
  ]);
  const header = ['', 'runs', 'held out', '95 % of the mean', 'points against the baseline', 'loss', 'seconds', LESSON];
  const where = `: ${sweeps.length === 1 ? 'sweep' : 'sweeps'} ${sweeps.map((id) => `\`${id}\``).join(', ')}, recorded on ${at.slice(0, 10)}; ${images.toLocaleString('en')} held-out images; ${machines.join('; ')}.`;
  return `${heading}${where}\n\n${markdownTable([header, ...rows])}`;
}

/** Student's interval of few seeds that differ much can leave the range of a share. */
function intervalOf([low, high]: readonly [number, number]): string {
  return `${(100 * Math.max(0, low)).toFixed(2)} to ${percent(Math.min(1, high))}`;
}

/** In points, with the 95 % interval; marked where it does not hold 0. */
function differenceOf(difference: ExperimentResults['groups'][number]['difference']): string {
  if (difference === undefined) return '';
  const {
    of,
    interval95: [low, high],
  } = difference;
  const written = `${points(of)} (${points(low)} to ${points(high)})`;
  return low > 0 || high < 0 ? `**${written}**` : written;
}

/** The last column of the tables of a page, by experiment and group. */
function lessonsIn(page: string): Map<string, string> {
  const lessons = new Map<string, string>();
  let name = '';
  for (const line of page.split('\n')) {
    name = /\(\.\.\/experiments\/(.+?)\.yaml\)/.exec(line)?.[1] ?? name;
    const cells = /^\| (.*) \|$/.exec(line)?.[1]?.split(' | ');
    if (cells) lessons.set(keyOf(name, cells[0]!.trim()), cells.at(-1)!.trim());
  }
  return lessons;
}

function keyOf(name: string, group: string): string {
  return `${name}/${group}`;
}
