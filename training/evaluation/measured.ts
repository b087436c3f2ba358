import type { Card } from '#models/card.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import { type Measurement, worstMistakes } from './measure.ts';
import { probabilities } from './temperature.ts';

/** What `evaluate` finds out about a version: the JSON that it prints, and what its table and its report show. */
export interface Measured extends Omit<Measurement, 'perClass'> {
  readonly version: string;
  /** What answered: a library on this machine, or an endpoint by its address. */
  readonly runtime: string;
  readonly data: string;
  readonly classes: readonly string[];
  /** With test-time augmentation; an endpoint is asked about the images as they are. */
  readonly tta?: number;
  /** By the class's name. */
  readonly perClass: Readonly<Record<string, number>>;
  readonly temperature: number;
  /** What the version's card says. */
  readonly recorded: { readonly images: number; readonly plain: number; readonly tta: number; readonly loss: number };
  /** The largest difference of a probability from what training computed, over the golden images. */
  readonly golden?: { readonly difference: number; readonly tolerance: number };
  readonly mistakes: readonly NamedMistake[];
}

interface NamedMistake {
  /** Index in the test set. */
  readonly image: number;
  readonly label: string;
  readonly answer: string;
  readonly confidence: number;
  /** The probability that the right class got. */
  readonly forLabel: number;
}

const MISTAKES = 24;

interface Found {
  readonly version: string;
  readonly runtime: string;
  readonly card: Pick<Card, 'classes' | 'temperature' | 'accuracy' | 'loss'>;
  readonly data: Dataset;
  /** What was asked about. */
  readonly split: Split;
  /** `[split.count, classes]` */
  readonly logits: Float32Array;
  readonly measurement: Measurement;
  readonly tta?: number;
  readonly golden?: Measured['golden'];
}

export function describeFound({
  version,
  runtime,
  card,
  data,
  split,
  logits,
  measurement,
  tta,
  golden,
}: Found): Measured {
  const { classes, temperature, accuracy, loss } = card;
  const { images, plain, top, interval95, perClass, confusion, calibration } = measurement;
  const mistakes = worstMistakes(probabilities(logits, classes.length, temperature), split.labels, MISTAKES);
  return {
    ...{ version, runtime, data: data.name, classes, images, plain },
    ...(tta === undefined ? {} : { tta }),
    ...{ top, loss: measurement.loss, interval95 },
    recorded: { images: accuracy.images, plain: accuracy.plain, tta: accuracy.tta, loss },
    ...(golden === undefined ? {} : { golden }),
    ...{ temperature, calibration },
    perClass: Object.fromEntries(classes.map((name, label) => [name, perClass[label]!])),
    confusion,
    mistakes: mistakes.map(({ label, answer, ...mistake }) => ({
      ...mistake,
      label: classes[label]!,
      answer: classes[answer]!,
    })),
  };
}
