import * as z from 'zod/mini';

/** Accuracy and loss on the held-out images. */
export const Validation = z.object({ accuracy: z.number(), loss: z.number() });
export type Validation = z.infer<typeof Validation>;

/** A point of the curves of a run. */
export const HistoryRow = z.object({
  /** Steps done. */
  step: z.number(),
  /** Epochs done, the fraction of the current one included. */
  epoch: z.number(),
  /** Mean over the steps since the last row. */
  loss: z.number(),
  /** The learning rate of the group `weights`. */
  learningRate: z.number(),
  /** On the held-out images; null within an epoch and where none are held out. */
  validation: z.nullable(Validation),
  trainingSeconds: z.number(),
});
export type HistoryRow = z.infer<typeof HistoryRow>;

const COLUMNS = [
  'step',
  'epoch',
  'loss',
  'learning_rate',
  'validation_accuracy',
  'validation_loss',
  'training_seconds',
];

/** `history.csv` of a run; missing values are empty. */
export function historyCsv(history: readonly HistoryRow[]): string {
  const lines = history.map(({ step, epoch, loss, learningRate, validation, trainingSeconds }) =>
    [step, epoch, loss, learningRate, validation?.accuracy, validation?.loss, trainingSeconds.toFixed(3)].join(','),
  );
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}
