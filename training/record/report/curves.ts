import { percent } from '#models/percent.ts';
import type { HistoryRow } from '../history.ts';
import { around, panel } from './panel.ts';
import { style } from './svg.ts';

interface Learned {
  readonly history: readonly HistoryRow[];
  /** On the test set, fractions in [0, 1]. */
  readonly test: { readonly plain: number };
}

export function lossCurve({ history }: Learned): string {
  const training = history.map(({ epoch, loss }) => ({ x: epoch, y: loss }));
  const heldOut = validated(history).map(({ epoch, loss }) => ({ x: epoch, y: loss }));
  return panel({
    title: 'Loss',
    explanation: 'The training loss is on augmented images and smoothed labels.',
    across: 'epochs',
    end: lastEpoch(history),
    range: around([...training, ...heldOut].map(({ y }) => y)),
    label: short,
    series: [
      { name: 'training', colour: style.first, points: training },
      { name: 'held out', colour: style.second, points: heldOut, isDotted: true },
    ],
  });
}

export function accuracyCurve({ history, test }: Learned): string {
  const heldOut = validated(history).map(({ epoch, accuracy }) => ({ x: epoch, y: accuracy }));
  return panel({
    title: 'Accuracy',
    explanation: 'On held-out images during training; the test set was read once, at the end.',
    across: 'epochs',
    end: lastEpoch(history),
    range: around([...heldOut.map(({ y }) => y), test.plain], 1),
    label: (value) => `${short(100 * value)} %`,
    series: [{ name: 'held out', colour: style.second, points: heldOut, isDotted: true }],
    level: { name: `test ${percent(test.plain)}`, value: test.plain },
  });
}

export function learningRateCurve({ history }: Learned): string {
  const points = history.map(({ epoch, learningRate }) => ({ x: epoch, y: learningRate }));
  return panel({
    title: 'Learning rate',
    explanation: 'For most weights; other parameter groups have multiples of it.',
    across: 'epochs',
    end: lastEpoch(history),
    range: around([0, ...points.map(({ y }) => y)]),
    label: short,
    series: [{ name: 'learning rate', colour: style.first, points }],
  });
}

function validated(history: readonly HistoryRow[]) {
  return history.flatMap(({ epoch, validation }) => (validation ? [{ epoch, ...validation }] : []));
}

function lastEpoch(history: readonly HistoryRow[]): number {
  return history.at(-1)?.epoch ?? 1;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
