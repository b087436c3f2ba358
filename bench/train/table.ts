import { percent } from '#models/percent.ts';
import { isMeasured, type Measured, type Outcome } from './measure.ts';

/** All that was measured of one net at one batch size. */
export interface CaseResult {
  readonly title: string;
  readonly net: string;
  readonly batchSize: number;
  /** In a step: forward, and both gradients. */
  readonly flopsOfImage: number;
  /** Matrix products, in GFLOP/s. */
  readonly gemm: readonly Outcome[];
  /** GFLOP/s of the quicker library; undefined where it was not measured. */
  readonly peaks: { readonly float32: number | undefined; readonly bfloat16: number | undefined };
  /** In images a second, ours first. */
  readonly outcomes: readonly Outcome[];
}

/** A contestant's figures beside those of the others. */
export interface Comparison extends Measured {
  readonly gflops: number;
  /** Of the peak in float32. */
  readonly share: number | undefined;
  /** Of the peak in bfloat16, for those that compute in it. */
  readonly shareOfBfloat16: number | undefined;
  /** How many times as quick we are, by our precision. */
  readonly ratios: Readonly<Record<string, number>>;
}

type Compared = Comparison | { readonly name: string; readonly failure: string };

export function comparisonsOf({ outcomes, flopsOfImage, peaks }: CaseResult): Compared[] {
  const ours = outcomes.filter(isMeasured).filter(isOurs);
  return outcomes.map((outcome) => {
    if (!isMeasured(outcome)) return outcome;
    const gflops = (outcome.speed * flopsOfImage) / 1e9;
    const isBfloat16 = outcome.name.includes('bfloat16');
    return {
      ...outcome,
      gflops,
      share: peaks.float32 && gflops / peaks.float32,
      shareOfBfloat16: isBfloat16 && peaks.bfloat16 ? gflops / peaks.bfloat16 : undefined,
      ratios: Object.fromEntries(ours.map(({ name, speed }) => [name, speed / outcome.speed])),
    };
  });
}

function isOurs({ name }: Measured): boolean {
  return name.startsWith('ours');
}

/** For people, as lines. */
export function tableOf(result: CaseResult): string {
  const { title, batchSize, flopsOfImage, peaks } = result;
  const compared = comparisonsOf(result);
  const ours = compared.flatMap((each) => ('speed' in each && isOurs(each) ? [each.name] : []));
  const peak = (precision: 'float32' | 'bfloat16') =>
    peaks[precision] === undefined ? [] : [`${peaks[precision].toFixed(0)} GFLOP/s in ${precision}`];
  const heading = [
    '',
    'images/s',
    'GFLOP/s',
    'of peak',
    'of bf16',
    ...ours.map((name) => `${name} is`),
    'CPU/wall s',
    'memory',
  ];
  const rows = compared.map((each) =>
    'failure' in each
      ? [each.name, `does not run: ${each.failure}`]
      : [
          each.name,
          each.speed.toFixed(0),
          each.gflops.toFixed(0),
          percentOrNothing(each.share),
          percentOrNothing(each.shareOfBfloat16),
          ...ours.map((name) => (each.name === name ? '' : `${each.ratios[name]!.toFixed(2)}x`)),
          `${each.cpuSeconds?.toFixed(1) ?? '?'}/${each.wallSeconds.toFixed(1)}`,
          each.peakMemory === undefined ? '?' : `${(each.peakMemory / 2 ** 20).toFixed(0)} MiB`,
        ],
  );
  return [
    '',
    `${title}: ${((flopsOfImage * batchSize) / 1e9).toFixed(1)} GFLOP a step`,
    `matrix products of 2048: ${[...peak('float32'), ...peak('bfloat16')].join(', ')}`,
    ...aligned([heading, ...rows]),
  ].join('\n');
}

function percentOrNothing(share: number | undefined): string {
  return share === undefined ? '' : percent(share, { digits: 0 });
}

/** Columns as wide as what is in them; the first is flush left. A row that is shorter runs on. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const full = rows.filter((row) => row.length === columns);
  const first = Math.max(...rows.map(([name = '']) => name.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...full.map((row) => row[column]!.length)));
  return rows.map(([name = '', ...cells]) => {
    const padded = cells.length === columns - 1 ? cells.map((cell, at) => cell.padStart(widths[at + 1]!)) : cells;
    return `  ${name.padEnd(first)}  ${padded.join('  ')}`.trimEnd();
  });
}
