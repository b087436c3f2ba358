import { percent } from '#models/percent.ts';
import { isMeasured, type Measurement, type Outcome } from './measure.ts';

/** The measurements of one net at one batch size. */
export interface CaseResult {
  readonly title: string;
  readonly net: string;
  readonly batchSize: number;
  /** Floating-point operations per image in a training step: forward pass and both gradients. */
  readonly flopsOfImage: number;
  /** Measurements of the matrix products, in GFLOP/s. */
  readonly gemm: readonly Outcome[];
  /** GFLOP/s of the faster library; undefined if not measured. */
  readonly peaks: { readonly float32: number | undefined; readonly bfloat16: number | undefined };
  /** Measurements of the contestants, in images/s, ours first. */
  readonly outcomes: readonly Outcome[];
}

/** A contestant's measurement, compared with the peak and with ours. */
export interface Comparison extends Measurement {
  readonly gflops: number;
  /** Share of the float32 peak. */
  readonly share: number | undefined;
  /** Share of the bfloat16 peak; undefined unless the contestant computes in bfloat16. */
  readonly shareOfBfloat16: number | undefined;
  /** Our speed relative to this contestant's, for each of our precisions. */
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

function isOurs({ name }: Measurement): boolean {
  return name.startsWith('ours');
}

/** Formats the comparison of a case as a text table. */
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
    '% of peak',
    '% of bf16',
    ...ours.map((name) => `${name} is`),
    'CPU/wall s',
    'memory',
  ];
  const rows = compared.map((each) =>
    'failure' in each
      ? [each.name, `failed: ${each.failure}`]
      : [
          each.name,
          each.speed.toFixed(0),
          each.gflops.toFixed(0),
          percentOrEmpty(each.share),
          percentOrEmpty(each.shareOfBfloat16),
          ...ours.map((name) => (each.name === name ? '' : `${each.ratios[name]!.toFixed(2)}x`)),
          `${each.cpuSeconds?.toFixed(1) ?? '?'}/${each.wallSeconds.toFixed(1)}`,
          each.peakMemory === undefined ? '?' : `${(each.peakMemory / 2 ** 20).toFixed(0)} MiB`,
        ],
  );
  return [
    '',
    `${title}: ${((flopsOfImage * batchSize) / 1e9).toFixed(1)} GFLOP per step`,
    `peak (2048x2048 matrix products): ${[...peak('float32'), ...peak('bfloat16')].join(', ')}`,
    ...aligned([heading, ...rows]),
  ].join('\n');
}

function percentOrEmpty(share: number | undefined): string {
  return share === undefined ? '' : percent(share, { digits: 0 });
}

/** Aligns cells in columns: the first flush left, the others flush right. Shorter rows are not aligned. */
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
