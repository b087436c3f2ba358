import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exampleSweep } from '#cli/sweep/report/sweep.fixture.ts';
import { ExperimentResults, experimentFigures } from './experiment-results.ts';
import { experimentTables, questionOf } from './experiment-tables.ts';
import { between, filled } from './markdown.ts';
import { postCurves } from './post-curves.ts';
import { madeUpResults } from './post-results.fixture.ts';
import { PostResult } from './post-results.ts';
import { logTable, lowestTable, testTable } from './post-tables.ts';

const results = madeUpResults().map((each) => PostResult.parse(each));
const rowsOf = (table: string) =>
  table.split('\n').flatMap((line) => (/^\| (.*) \|$/.exec(line) ? [line.slice(2, -2).split(' | ')] : []));

test('the test images are read at the post’s epochs, with the interval in which another run would lie', () => {
  const [header, , ...rows] = rowsOf(testTable(results));
  expect(header).toContain('seeds 1, 2');
  expect(rows.map(([epochs, measure, post]) => [epochs, measure, post])).toEqual([
    ['100', 'accuracy', '77.37 %'],
    ['100', 'loss', '0.670'],
    ['150', 'accuracy', '78.22 %'],
    ['150', 'loss', '0.646'],
    ['200', 'accuracy', '77.77 %'],
    ['200', 'loss', '0.670'],
  ]);
  // 77.5 and 78.5 %: Student's t of one degree is 12.706, the deviation 0.7071, of one more run √1.5 times as much.
  expect(rows[0]!.slice(3)).toEqual([
    ...['77.50 %, 78.50 %', '78.00 %', '71.65 % to 84.35 %'],
    '67.00 % to 89.00 %: the post is within',
  ]);
});

test('a pair that no run would reach is outside, and one seed has no interval', () => {
  const far = results.map((each) => ({
    ...each,
    test: [{ epoch: 100, accuracy: 0.5 + each.seed / 1e4, loss: 1 }],
  }));
  expect(rowsOf(testTable(far)).at(2)!.at(-1)).toMatch(/ % to .* %: the post is outside$/);
  expect(rowsOf(testTable(results.slice(0, 1)))[2]!.slice(-2)).toEqual(['', '']);
});

test('the log has the epochs that the post shows, each with its own seconds', () => {
  const [, , ...rows] = rowsOf(logTable(results));
  expect(rows.map(([epoch]) => epoch)).toEqual(['1', '2', '3', '4', '5', '95', '96', '97', '98', '99', '100']);
  expect(rows[1]).toEqual(['2', '0.7500', '0.7980', '77.01 %', '8.0']);
});

test('the loss is lowest at an epoch, and over ten of them', () => {
  const [, , first, second] = rowsOf(lowestTable(results));
  expect(first).toEqual(['1', '150', '0.6500', '145 to 154', '0.6525', '0.6955']);
  expect(second!.slice(0, 3)).toEqual(['2', '150', '0.6400']);
  const short = results.map((each) => ({ ...each, epochs: each.epochs.slice(0, 5) }));
  expect(rowsOf(lowestTable(short))[2]).toEqual(['1', '5', '0.7950', '', '', '']);
});

test('the curves have a line for each seed and measure, and the points of the test images and of the post', () => {
  const svg = postCurves(results);
  expect(svg.match(/stroke-width="1.2"/g)).toHaveLength(6);
  expect(svg.match(/<circle/g)).toHaveLength(12);
  expect(svg.match(/stroke="#dc2626" stroke-width="2"/g)).toHaveLength(6);
  expect(svg).not.toMatch(/NaN|var\(/);
});

const sweep = exampleSweep({
  over: { flip: ['none', 'random', 'alternating'] },
  seeds: 2,
  fate: (index) => (index === 3 ? 'diverged' : 'trained'),
});
const name = 'made-up';
const question = 'Does it help?';
const recorded = ExperimentResults.parse({
  ...{ command: 'made up', at: '2026-11-28T12:00:00.000Z', commit: 'none' },
  ...experimentFigures(sweep),
});

test('an experiment is a row for each variant, in the order of its file, compared with its baseline', () => {
  const page = experimentTables([{ name, question, results: recorded }], '');
  const [, , ...rows] = rowsOf(page);
  expect(page).toContain(
    `### Does it help?\n[made-up](../experiments/made-up.yaml): sweep \`${sweep.id}\`, recorded on 2026-11-28; 1,000 held-out images`,
  );
  expect(rows.map(([group]) => group)).toEqual(['flip=none', 'flip=random', 'flip=alternating']);
  expect(rows.map((cells) => cells[1])).toEqual(['2', '1, 1 diverged', '2']);
  expect(rows.filter((cells) => cells[4] === 'baseline').map(([group]) => group)).toEqual([recorded.baseline]);
  expect(rows.filter((cells) => /^(\*\*)?[+-]\d/.test(cells[4]!))).toHaveLength(2);

  const apart = recorded.groups.map((group) => ({ ...group, interval95: [-0.1565, 0.6248] as [number, number] }));
  const wide = experimentTables([{ name, question, results: { ...recorded, groups: apart } }], '');
  expect(rowsOf(wide).at(-1)![3]).toBe('0.00 to 62.48 %');
});

test('seeds that were trained later are joined, and a run that both sweeps have counts once', () => {
  const later = exampleSweep({ over: { flip: ['none', 'random', 'alternating'] }, seeds: 3 });
  const joined = experimentFigures(sweep, { ...later, id: 'ba9876543210' });
  expect(joined.sweeps).toEqual([sweep.id, 'ba9876543210']);
  expect(joined.groups.map(({ group, seeds, diverged }) => [group, seeds, diverged])).toEqual([
    ['flip=none', [1, 2, 3], 0],
    ['flip=random', [1, 3], 1],
    ['flip=alternating', [1, 2, 3], 0],
  ]);
  expect(joined.baseline).toBe(recorded.baseline);
});

test('a run that the machine had little time for does not change the seconds of its row', () => {
  const three = exampleSweep({ over: { flip: ['none'] }, seeds: 3 });
  const [first, ...others] = three.runs;
  const slow = { ...first!, result: { ...first!.result!, trainingSeconds: 10_000 } };
  const seconds = (runs: typeof three.runs) => experimentFigures({ ...three, runs }).groups[0]!.seconds;
  expect(seconds([slow, ...others])).toBe(seconds(three.runs));
});

test('what people wrote into the last column stays when the figures are written again', () => {
  const first = experimentTables([{ name, question, results: recorded }], '');
  const taught = first.replace(/^(\| flip=random .*\|) {2}\|$/m, '$1 It costs nothing. |');
  expect(taught).not.toBe(first);
  expect(experimentTables([{ name, question: 'Does it?', results: recorded }], taught)).toContain(
    '| It costs nothing. |',
  );
  expect(experimentTables([{ name: 'other', question, results: recorded }], taught)).not.toContain('nothing. |');
  expect(experimentTables([{ name, question }], '')).toBe(
    '### Not measured yet\n- [made-up](../experiments/made-up.yaml): Does it help?',
  );
});

test('a page is filled between its markers, which it needs', () => {
  const page = 'a\n<!-- x: written by a program -->\nold\n<!-- x: end -->\nb\n';
  const written = filled(page, 'x', 'new');
  expect(written).toBe('a\n<!-- x: written by a program -->\nnew\n<!-- x: end -->\nb\n');
  expect(between(written, 'x').trim()).toBe('new');
  expect(() => filled(page, 'y', 'new')).toThrow('The page needs the lines "<!-- y: written by a program -->"');
});

test('the page has all markers, and each sweep file begins with what it asks', () => {
  const page = readFileSync('docs/the-post.md', 'utf8');
  for (const marker of ['test images', 'curves', 'training log', 'lowest loss', 'experiments']) between(page, marker);
  for (const file of readdirSync('experiments')) {
    expect(questionOf(readFileSync(`experiments/${file}`, 'utf8')), file).toMatch(/^[A-Z].*[?.]$/);
  }
  expect(() => questionOf('recipe: minute\n')).toThrow('begins with a comment');
});
