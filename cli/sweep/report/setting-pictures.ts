import { percent } from '#models/percent.ts';
import { area, around, axes } from '#training/record/report/panel.ts';
import { element, escapeXml, fitted, heading, picture, style, text, WIDTH } from '#training/record/report/svg.ts';
import type { RankedGroup, RankedSweep, VariedSetting } from '#training/record/sweep/rank-groups.ts';
import { nameOf } from './words.ts';

/** Of more settings, those that change the accuracy most are shown: each pair is a picture. */
const MOST_SETTINGS = 4;

type Measured = RankedGroup & { readonly heldOut: NonNullable<RankedGroup['heldOut']> };

/** How the settings act: of one, its values side by side; of several, a map of each pair. */
export function settingPictures({ groups, varied }: RankedSweep): string[] {
  const reached = groups[0]?.rung;
  const measured = groups.filter((group): group is Measured => group.heldOut !== undefined && group.rung === reached);
  if (measured.length < 2 || varied.length === 0) return [];
  if (varied.length === 1) return [oneSetting(measured, varied[0]!)];
  const shown = varied
    .map((setting) => ({ setting, effect: effectOf(measured, setting) }))
    .sort((one, other) => other.effect - one.effect)
    .slice(0, MOST_SETTINGS)
    .map(({ setting }) => setting);
  const inOrder = varied.filter((setting) => shown.includes(setting));
  return inOrder.flatMap((down, index) =>
    inOrder.slice(index + 1).map((across) => heatMap(measured, { down, across, isPart: varied.length > 2 })),
  );
}

/** The names of the varied settings that have no picture. */
export function unpictured({ varied }: RankedSweep): number {
  return Math.max(0, varied.length - MOST_SETTINGS);
}

/** The range of the means over a setting's values. */
function effectOf(groups: readonly Measured[], { name, values }: VariedSetting): number {
  const means = values.flatMap((value) => {
    const of = groups.filter(({ settings }) => settings[name] === value);
    return of.length === 0 ? [] : of.reduce((sum, { heldOut }) => sum + heldOut.mean / of.length, 0);
  });
  return Math.max(...means) - Math.min(...means);
}

/** Runs and means by the values of the only setting, evenly spaced. */
function oneSetting(groups: readonly Measured[], { name, values }: VariedSetting): string {
  const { left, top, width, height } = area;
  const points = values.flatMap((value, index) =>
    groups.filter(({ settings }) => settings[name] === value).map((group) => ({ index, value, group })),
  );
  const runs = ({ group }: (typeof points)[number]) =>
    group.runs.flatMap(({ result }) => result?.heldOut?.accuracy ?? []);
  const range = around(points.flatMap(runs), 1);
  const toX = (index: number) => left + ((index + 0.5) / values.length) * width;
  const toY = (accuracy: number) => top + height * (1 - (accuracy - range[0]) / (range[1] - range[0]));
  const means = points.map(({ index, group }) => `${toX(index).toFixed(1)} ${toY(group.heldOut.mean).toFixed(1)}`);
  const label = (value: number) => `${Number((100 * value).toPrecision(4))} %`;
  const every = Math.ceil(values.length / 10);
  return picture(top + height + 54, `Accuracy by ${name}`, [
    heading(fitted(name, 40), 'Held-out accuracy by value. Dots: runs. The line joins the means.'),
    axes({ across: '', end: 0, range, label }),
    element('path', { d: `M${means.join('L')}`, fill: 'none', stroke: style.first, 'stroke-width': 2 }),
    ...points.flatMap((point) => [
      ...runs(point).map((accuracy) =>
        element('circle', { cx: toX(point.index), cy: toY(accuracy), r: 3, fill: style.first, 'fill-opacity': 0.45 }),
      ),
      element(
        'circle',
        { cx: toX(point.index), cy: toY(point.group.heldOut.mean), r: 4.5, fill: style.first },
        element('title', {}, escapeXml(`${name}=${point.value}: ${percent(point.group.heldOut.mean)}`)),
      ),
    ]),
    ...values.flatMap((value, index) =>
      index % every === 0
        ? [
            text(toX(index), top + height + 18, fitted(value, 12), {
              'text-anchor': 'middle',
              fill: style.muted,
              'font-size': 11,
            }),
          ]
        : [],
    ),
    text(left + width / 2, top + height + 38, fitted(name, 40), {
      'text-anchor': 'middle',
      fill: style.muted,
      'font-size': 11,
    }),
  ]);
}

interface Axes {
  readonly down: VariedSetting;
  readonly across: VariedSetting;
  /** Whether other settings vary as well. */
  readonly isPart: boolean;
}

/** A cell for each pair of values: of its groups, the best one's mean. */
function heatMap(groups: readonly Measured[], { down, across, isPart }: Axes): string {
  const [left, top, right] = [96, 118, 16];
  const width = Math.min(120, (WIDTH - left - right) / across.values.length);
  const height = Math.min(34, Math.max(16, width));
  const gap = Math.min(1.5, width / 8);
  const scale = strengthOf(groups);
  const parts = [
    heading(
      fitted(`${down.name} and ${across.name}`, 48),
      isPart ? 'Held-out accuracy: of the groups of a cell, the best.' : 'Mean held-out accuracy.',
    ),
    text(left - 8, top - 10, fitted(down.name, 16), { 'text-anchor': 'end', fill: style.muted, 'font-size': 11 }),
    text(left, 74, `${fitted(across.name, 40)} →`, { fill: style.muted, 'font-size': 11 }),
  ];
  const isTurned = across.values.some((value) => 6.4 * value.length > width - 2);
  for (const [column, value] of across.values.entries()) {
    const x = left + (column + (isTurned ? 0.6 : 0.5)) * width;
    const words = text(0, 0, fitted(value, isTurned ? 8 : 16), {
      'font-size': 11,
      ...(!isTurned && { 'text-anchor': 'middle' }),
    });
    parts.push(
      element('g', { transform: `translate(${x.toFixed(1)} ${top - 8})${isTurned ? ' rotate(-38)' : ''}` }, words),
    );
  }
  for (const [row, value] of down.values.entries()) {
    const y = top + row * height;
    parts.push(text(left - 8, y + height / 2 + 4, fitted(value, 14), { 'text-anchor': 'end', 'font-size': 11 }));
    for (const [column, other] of across.values.entries()) {
      const best = groups.find(({ settings }) => settings[down.name] === value && settings[across.name] === other);
      const x = left + column * width;
      const box = {
        x: x + gap / 2,
        y: y + gap / 2,
        width: width - gap,
        height: height - gap,
        rx: Math.min(3, width / 8),
      };
      if (best === undefined) {
        parts.push(element('rect', { ...box, fill: 'none', stroke: style.line, 'stroke-dasharray': '3 3' }));
        continue;
      }
      const isBest = best.rank === 1;
      parts.push(
        element(
          'rect',
          {
            ...{ ...box, fill: style.first, 'fill-opacity': scale(best.heldOut.mean) },
            ...(isBest && { stroke: style.ink, 'stroke-width': 2 }),
          },
          element('title', {}, escapeXml(`${nameOf(best)}: ${percent(best.heldOut.mean)}`)),
        ),
      );
      const words = width >= 54 ? percent(best.heldOut.mean) : (100 * best.heldOut.mean).toFixed(1);
      if (6.2 * words.length > width) continue;
      parts.push(
        text(x + width / 2, y + height / 2 + 4, words, {
          ...{ 'text-anchor': 'middle', 'font-size': 11 },
          ...(isBest && { 'font-weight': 700 }),
        }),
      );
    }
  }
  return picture(top + down.values.length * height + 18, `Accuracy by ${down.name} and ${across.name}`, parts);
}

/**
 * The opacity of a cell. The worst quarter is left pale, so that one that learned nothing does not make the others look alike;
 * the strongest still carries text of the ink's color.
 */
function strengthOf(groups: readonly Measured[]): (mean: number) => number {
  const means = groups.map(({ heldOut }) => heldOut.mean).sort((one, other) => one - other);
  const [low, high] = [means[Math.floor(means.length / 4)]!, means.at(-1)!];
  const floor = Math.max(means[0]!, low - (high - low));
  return (mean) => 0.05 + 0.5 * (high === floor ? 1 : Math.max(0, (mean - floor) / (high - floor)));
}
