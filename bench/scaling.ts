import { writeFile } from 'node:fs/promises';
import { writeResults } from './results.ts';
import { bulkCost, vcpusAtStoreRate } from './scaling/classification.ts';
import { measured, type Pictures, pictureKinds } from './scaling/constants.ts';
import { distributedMap, spark } from './scaling/engines.ts';
import { sweepCost } from './scaling/sweep.ts';

const VCPUS = [8, 64, 512];
const PICTURES = [1e6, 1e8];
const RUNS = [10, 100, 10_000];
/** Seconds of a run of `quick` on the two cores of a child, without its test: docs/results.md. */
const RUN_SECONDS = 110;

/** Prints the tables of docs/scaling.md. @param measure whether to measure this machine first, and keep what it takes */
export async function benchmarkScaling({ measure }: { readonly measure: boolean }): Promise<void> {
  if (measure) {
    const { measureConstants } = await import('./scaling/measure.ts');
    const { figures, load } = await measureConstants();
    const command = 'npm run bench -- scaling --measure';
    const lines = await writeResults('scaling', command, { figures, load });
    await writeFile(
      new URL('scaling/measured.json', import.meta.url),
      `${JSON.stringify({ figures }, undefined, 2)}\n`,
    );
    console.log(figures, `\n${lines.join('\n')}\nRun it again without --measure for the tables.`);
    return;
  }
  for (const kind of Object.values(pictureKinds)) console.log(bulkTable(kind), '\n');
  console.log(enginesTable(), '\n');
  console.log(sweepTable());
}

function bulkTable(kind: Pictures): string {
  const rows = PICTURES.flatMap((pictures) =>
    VCPUS.map((vcpus) => {
      const cost = bulkCost({ pictures, kind, vcpus }, measured);
      const { machines, spot, requests, transfer } = cost.dollars;
      return [
        ...[count(pictures), String(vcpus), count(cost.shards), count(cost.children)],
        ...[time(cost.list + cost.plan), time(cost.start), `${time(cost.work)} (${cost.bound})`, time(cost.merge)],
        ...[time(cost.seconds), dollars(machines), dollars(spot), dollars(requests), dollars(transfer)],
      ];
    }),
  );
  const header = [
    ...['pictures', 'vCPU', 'shards', 'children', 'list and plan', 'start', 'work (bound by)', 'merge'],
    ...['all', 'machines', 'on Spot', 'requests', 'transfer'],
  ];
  const title = `${kind.name}: S3’s rate for one prefix bounds the work from ${vcpusAtStoreRate(kind, measured)} vCPU on.`;
  return `${title}\n\n${table(header, rows)}`;
}

function enginesTable(): string {
  const rows = Object.values(pictureKinds).flatMap((kind) =>
    [1e4, 1e5, 1e6, 1e7, 1e8].map((pictures) => {
      const vcpus = Math.min(512, vcpusAtStoreRate(kind, measured));
      const ours = bulkCost({ pictures, kind, vcpus }, measured);
      const map = distributedMap(pictures, kind, measured);
      const packed = spark(pictures, kind, 512);
      return [
        ...[kind.name, count(pictures), time((pictures * kind.seconds) / 2)],
        ...[time(ours.start + ours.work), dollars(ours.dollars.machines + ours.dollars.requests)],
        dollars(ours.dollars.spot + ours.dollars.requests),
        ...[time(map.seconds), dollars(map.dollars), time(packed.seconds), dollars(packed.dollars)],
      ];
    }),
  );
  const header = [
    ...['', 'pictures', 'this machine, 2 cores', 'array, up to 512 vCPU', 'on demand', 'on Spot'],
    ...['Distributed Map', '', 'Spark, up to 512 vCPU', ''],
  ];
  return table(header, rows);
}

function sweepTable(): string {
  const rows = RUNS.flatMap((runs) =>
    VCPUS.map((vcpus) => {
      const cost = sweepCost({ runs, runSeconds: RUN_SECONDS, vcpus }, measured);
      const { machines, spot, requests } = cost.dollars;
      return [
        ...[count(runs), String(vcpus), count(cost.children), time(cost.start), time(cost.work), time(cost.report)],
        ...[time(cost.seconds), bytes(cost.planBytes), bytes(cost.resultBytes)],
        ...[dollars(machines), dollars(spot), dollars(requests)],
      ];
    }),
  );
  const header = [
    ...[
      'runs',
      'vCPU',
      'children',
      'start',
      'work',
      'report',
      'all',
      'plan',
      'results',
      'machines',
      'on Spot',
      'requests',
    ],
  ];
  return table(header, rows);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function dollars(value: number): string {
  return `$${value.toFixed(value < 10 ? 2 : 0)}`;
}

function bytes(value: number): string {
  return value < 1e6 ? `${Math.ceil(value / 1e3)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

function time(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}
