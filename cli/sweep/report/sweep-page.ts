import { shellWord } from '#environment/shell-word.ts';
import { percent, points } from '#models/percent.ts';
import { type PageTable, renderPage } from '#training/record/report/page.ts';
import { type RankedGroup, type RankedSweep, rankGroups } from '#training/record/sweep/rank-groups.ts';
import type { Sweep, SweepRun } from '#training/record/sweep/read-sweep.ts';
import { furtherColours, strokesOf } from './colours.ts';
import { forest } from './forest.ts';
import { groupCurves } from './group-curves.ts';
import { settingPictures, unpictured } from './setting-pictures.ts';
import { costOf, costOfAll } from './sweep-cost.ts';
import {
  differenceOf,
  dollars,
  duration,
  meanAndSpread,
  meanSeconds,
  nameOf,
  progressOf,
  range,
  runsOf,
  unmeasured,
} from './words.ts';

/** More are in the CSV alone. */
const MOST_ROWS = 500;
/** Of more groups, the picture is as high as two of curves beside it. */
const FEW = 12;

/** What a sweep has come to so far, as one self-contained page: it fetches nothing and runs no script. */
export function renderSweepPage(sweep: Sweep): string {
  const ranked = rankGroups(sweep);
  const { groups, best, baseline, varied } = ranked;
  const strokes = strokesOf(ranked);
  const curves = groupCurves(groups, strokes);
  const pictures = settingPictures(ranked);
  const single = groups.length <= FEW && pictures.length === 1 ? pictures : [];
  const missing = unmeasured(ranked);
  const first = sweep.plan.items[0]!;
  return renderPage({
    title: `Sweep of ${first.recipe}${varied.length > 0 ? ` over ${varied.map(({ name }) => name).join(', ')}` : ''}`,
    subtitle: `Sweep ${sweep.id}: ${progressOf(sweep)}`,
    figures: figures(ranked),
    sections: [
      {
        title: 'Groups, the best first',
        pictures: [forest(ranked, strokes) ?? [], groups.length > FEW ? curves : single].flat(),
        table: groupTable(ranked),
      },
      { title: 'Learning curves', pictures: groups.length > FEW ? [] : curves },
      { title: `Settings${leftOut(ranked)}`, pictures: single.length > 0 ? [] : pictures },
      ...(missing.length > 0 ? [{ title: 'Runs without accuracy', pictures: [], table: missingTable(missing) }] : []),
      { title: 'Runs, with time and cost', pictures: [], table: runTable(ranked) },
    ],
    facts: facts(ranked),
    // Other data has no name that holds on every machine.
    ...(best && first.data === 'cifar10' && { reproduce: trainCommand(best.runs[0]!) }),
    colours: furtherColours,
  });

  function figures({ sweep: { runs } }: RankedSweep) {
    const done = runs.filter(({ result }) => result !== undefined);
    const seconds = done.reduce((sum, { result }) => sum + result!.wallSeconds, 0);
    const cost = costOfAll(runs);
    const seeds = new Set(runs.map(({ item }) => item.seed)).size;
    const tested = groups.find(({ test }) => test)?.test;
    return [
      ...(best ? [{ name: 'Best, held out', value: percent(best.heldOut!.mean), note: nameOf(best) }] : []),
      ...(best && best !== baseline && best.againstBaseline
        ? [
            {
              name: 'Against the baseline',
              value: points(best.againstBaseline.difference),
              note: `points, 95 %: ${best.againstBaseline.interval95.map(points).join(' to ')}`,
            },
          ]
        : []),
      ...(tested
        ? [{ name: 'Test', value: percent(tested.mean), note: `of the best kept, ${runsIn(tested.runs)}` }]
        : []),
      {
        name: 'Groups',
        value: groups.length.toLocaleString('en'),
        note: `with ${seeds === 1 ? 'one seed' : `${seeds} seeds`} each`,
      },
      {
        name: 'Runs',
        value: `${done.length.toLocaleString('en')} of ${runs.length.toLocaleString('en')}`,
        note: 'have ended',
      },
      { name: 'Time', value: duration(seconds), note: 'of all runs together' },
      ...(cost === undefined ? [] : [{ name: 'Cost', value: dollars(cost), note: 'of the runs’ own time, on demand' }]),
    ];
  }
}

function runsIn(count: number): string {
  return count === 1 ? '1 run' : `${count} runs`;
}

function leftOut(ranked: RankedSweep): string {
  return unpictured(ranked) === 0 ? '' : `: the four of ${ranked.varied.length} that change the accuracy most`;
}

/** A column is left out where it would be empty. */
interface Column {
  readonly title: string;
  readonly cell: (group: RankedGroup) => string;
}

function groupTable({ groups, best, baseline, sweep }: RankedSweep): PageTable {
  const rungs = sweep.options.halving?.rungs;
  const columns: readonly Column[] = [
    { title: 'Group', cell: (group) => `${group.rank === undefined ? '' : `${group.rank}. `}${nameOf(group)}` },
    { title: 'Runs', cell: runsOf },
    { title: 'Rung', cell: ({ rung }) => (rungs === undefined ? '' : `${rung} of ${rungs}`) },
    { title: 'Held out', cell: ({ heldOut }) => (heldOut ? meanAndSpread(heldOut) : '') },
    { title: 'Against the best', cell: (group) => (group === best ? 'best' : againstOf(group.againstBest)) },
    {
      title: 'Against the baseline',
      cell: (group) => (group === baseline ? 'baseline' : againstOf(group.againstBaseline)),
    },
    { title: '95 % of the mean', cell: ({ heldOut }) => (heldOut?.interval95 ? range(heldOut.interval95) : '') },
    { title: 'Lowest to highest', cell: ({ heldOut }) => (heldOut ? range([heldOut.min, heldOut.max]) : '') },
    { title: 'Test', cell: testOf },
    { title: 'Time a run', cell: ({ runs }) => timeOf(runs) },
    { title: 'Cost a run', cell: ({ runs }) => dollars(meanCost(runs)) },
  ];
  const shown = groups.slice(0, MOST_ROWS);
  const used = columns.filter(({ cell }) => shown.some((group) => cell(group) !== ''));
  return {
    head: used.map(({ title }) => title),
    rows: shown.map((group) => used.map(({ cell }) => cell(group))),
    foot: [],
    note: noteOf(groups, baseline),
  };
}

function againstOf(comparison: RankedGroup['againstBest']): string {
  return comparison ? differenceOf(comparison) : '';
}

function testOf({ test, runs }: RankedGroup): string {
  if (test === undefined) return '';
  return test.runs === runs.length ? percent(test.mean) : `${percent(test.mean)} (${runsIn(test.runs)})`;
}

/** Of the runs whose price is known. */
function meanCost(runs: readonly SweepRun[]): number | undefined {
  const priced = runs.filter((run) => costOf(run) !== undefined);
  const all = costOfAll(priced);
  return all === undefined ? undefined : all / priced.length;
}

function noteOf(groups: readonly RankedGroup[], baseline: RankedGroup): string {
  const compared = groups.flatMap(({ againstBest, againstBaseline }) =>
    [againstBest ?? [], againstBaseline ?? []].flat(),
  );
  const isOne = compared.some(({ covers }) => covers === 'images');
  return [
    'Held out: the mean, and after ± the standard deviation between the seeds, in points.',
    ...(compared.length > 0
      ? [
          `Differences are in points, of the same seeds on the same images; in brackets is the 95 % interval${isOne ? '.' : ', which accounts for both.'} The baseline is ${nameOf(baseline)}.`,
        ]
      : []),
    ...(isOne ? ['With one seed, an interval speaks of these networks, not of their settings.'] : []),
    ...(groups.length > 10
      ? [
          'Each interval stands alone: of twenty groups that are equally good, one differs from another by chance. The best is the luckiest, too.',
        ]
      : []),
    ...(groups.length > MOST_ROWS ? [`The first ${MOST_ROWS} are shown; the CSV has all.`] : []),
  ].join(' ');
}

function missingTable(missing: ReturnType<typeof unmeasured>): PageTable {
  return {
    head: ['Run', 'State', 'Reason'],
    rows: missing.slice(0, MOST_ROWS).map(({ run, state, reason }) => [run.item.name, state, reason]),
    foot: [],
    note: missing.length > MOST_ROWS ? `The first ${MOST_ROWS} of ${missing.length.toLocaleString('en')}.` : '',
    isText: true,
  };
}

function runTable({ groups, sweep }: RankedSweep): PageTable {
  const ended = groups.flatMap(({ runs }) => runs.filter(({ result }) => result !== undefined));
  const isTested = ended.some(({ published }) => published !== undefined);
  const isPaid = costOfAll(sweep.runs) !== undefined;
  return {
    head: [
      ...['Run', 'Held out', 'Loss', 'Epochs', ...(isTested ? ['Test', 'Version'] : [])],
      ...['Training', 'Time', ...(isPaid ? ['Cost'] : []), 'Machine'],
    ],
    rows: ended.slice(0, MOST_ROWS).map((run) => {
      const { heldOut, epochs, trainingSeconds, wallSeconds, machine, outcome } = run.result!;
      return [
        ...[run.item.name, heldOut ? percent(heldOut.accuracy) : outcome, heldOut ? heldOut.loss.toFixed(4) : ''],
        String(Number(epochs.toFixed(2))),
        ...(isTested ? [run.published ? percent(run.published.accuracy.plain) : '', run.published?.version ?? ''] : []),
        ...[duration(trainingSeconds), duration(wallSeconds), ...(isPaid ? [dollars(costOf(run))] : [])],
        machine.instance ?? `${machine.gpu ?? machine.cpu}, ${machine.cores} cores`,
      ];
    }),
    foot: [],
    note:
      ended.length > MOST_ROWS
        ? `The first ${MOST_ROWS} of ${ended.length.toLocaleString('en')}; the CSV has all.`
        : '',
  };
}

function facts({ sweep, varied, groups }: RankedSweep): Record<string, string> {
  const { plan, options, runs } = sweep;
  const items = plan.items;
  const first = items[0]!;
  const common = first.set.filter(
    (change) =>
      items.every(({ set }) => set.includes(change)) && !varied.some(({ name }) => change.startsWith(`${name}=`)),
  );
  const images = runs.find(({ result }) => result?.heldOut)?.result?.heldOut?.images;
  const engines = new Set(runs.flatMap(({ result }) => result?.engine ?? []));
  const { halving } = options;
  return {
    Recipe: first.recipe,
    ...(common.length > 0 && { 'Settings of all': common.join(', ') }),
    ...Object.fromEntries(varied.map(({ name, values }) => [name, values.join(', ')])),
    Seeds: [...new Set(items.map(({ seed }) => seed))].join(', '),
    Data: [...new Set(items.map(({ data }) => data))].join(', '),
    ...(first.from !== undefined && first.from !== 'none' && { 'Began with': first.from }),
    ...(images !== undefined && {
      'Held-out images': `${images.toLocaleString('en')} training images, by which runs are ranked. Test images are read for kept runs alone.`,
    }),
    ...(halving && { Halving: `After each of ${halving.rungs} rungs, one of ${halving.factor} groups continues.` }),
    Kept: options.keep,
    ...(engines.size > 0 && { Engine: [...engines].join('; ') }),
    'Digest of the sources': plan.code,
    ...(groups.some(({ heldOut }) => heldOut) && {
      Intervals:
        'Of a mean: Student’s t over the seeds. Of a difference: seeds and images as crossed random samples (Dorfman, Berbaum and Metz 1992; Hillis 2007), and with one seed Agresti and Min’s for paired images (2005).',
    }),
  };
}

/** What trains a run of the best group as an ordinary run. */
function trainCommand({ item: { recipe, set, seed, from = 'none' } }: SweepRun): string {
  const changes = set.map((change) => ` --set ${shellWord(change)}`).join('');
  return `./cifar10 train ${recipe}${changes} --seed ${seed}${from === 'none' ? '' : ` --from ${shellWord(from)}`}`;
}

function timeOf(runs: readonly SweepRun[]): string {
  const seconds = meanSeconds(runs);
  return seconds === undefined ? '' : duration(seconds);
}
