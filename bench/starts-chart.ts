import { element, picture, standalone, style, text } from '#training/record/report/svg.ts';
import type { ColdStart } from './cold-start.ts';

const WIDTH = 860;
const LEFT = 330;
const ROW = 34;
const TOP = 64;

/** The phases of a cold start, in order. */
const PHASES = [
  {
    name: 'Node starts',
    of: ({ firstAnswer, init, request }: ColdStart) => firstAnswer - init - request,
    color: '#94a3b8',
  },
  { name: 'INIT: program and model', of: ({ init }: ColdStart) => init, color: style.first },
  { name: 'first request', of: ({ request }: ColdStart) => request, color: style.second },
] as const;

/** Draws one bar per bundle and model, from process start to first answer. @returns an SVG document */
export function startsChart(starts: readonly ColdStart[]): string {
  const longest = Math.max(...starts.map(({ firstAnswer }) => firstAnswer));
  const step = [50, 100, 200, 500, 1000].find((each) => longest / each <= 6) ?? 2000;
  const scale = (WIDTH - LEFT - 130) / longest;
  const bottom = TOP + starts.length * ROW;
  const ticks = Array.from({ length: Math.floor(longest / step) + 1 }, (_, index) => index * step);
  const title = 'From the start of a process to its first answer, in milliseconds';
  const parts = [
    text(16, 24, 'From the start of a process to its first answer', { 'font-weight': 600 }),
    ...PHASES.flatMap(({ name, color }, index) => [
      element('rect', { x: LEFT + index * 180, y: 36, width: 12, height: 12, fill: color }),
      text(LEFT + index * 180 + 18, 47, name, { fill: style.muted }),
    ]),
    ...ticks.flatMap((value) => [
      element('line', {
        x1: LEFT + value * scale,
        x2: LEFT + value * scale,
        y1: TOP - 4,
        y2: bottom,
        stroke: style.line,
      }),
      text(LEFT + value * scale, bottom + 18, `${value} ms`, { fill: style.muted, 'text-anchor': 'middle' }),
    ]),
    ...starts.flatMap((start, index) => row(start, TOP + index * ROW, scale)),
  ];
  return standalone(picture(bottom + 34, title, parts, WIDTH));
}

function row(start: ColdStart, y: number, scale: number): string[] {
  let from = LEFT;
  const bars = PHASES.map(({ of, color }) => {
    const width = Math.max(0, of(start) * scale);
    const bar = element('rect', { x: from, y: y + 4, width, height: ROW - 14, fill: color });
    from += width;
    return bar;
  });
  const size = `${(start.zipBytes / 1e6).toFixed(1)} MB zip, ${megabytes(start.modelBytes)} of weights`;
  return [
    text(LEFT - 10, y + 12, `${start.model}, ${start.bundle}`, { 'text-anchor': 'end' }),
    text(LEFT - 10, y + 26, size, { 'text-anchor': 'end', fill: style.muted, 'font-size': 11 }),
    ...bars,
    text(from + 6, y + 19, `${start.firstAnswer.toFixed(0)} ms, then ${start.warm.toFixed(1)}`),
  ];
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The figures of the chart as CSV, times in milliseconds. */
export function startsCsv(starts: readonly ColdStart[]): string {
  const head =
    'bundle,bundle_bytes,zip_bytes,model,model_bytes,first_answer_ms,node_ms,init_ms,first_request_ms,warm_request_ms';
  const lines = starts.map(({ bundle, bytes, zipBytes, model, modelBytes, firstAnswer, node, init, request, warm }) =>
    [
      ...[JSON.stringify(bundle), bytes, zipBytes, model, modelBytes],
      ...[firstAnswer, node, init, request, warm].map((milliseconds) => milliseconds.toFixed(2)),
    ].join(','),
  );
  return `${[head, ...lines].join('\n')}\n`;
}
