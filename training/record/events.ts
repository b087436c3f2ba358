import type { Parent } from '#models/card.ts';
import type { LayerRow } from '../nets/layer-table.ts';

/** The events of a run, in order: the only source of the terminal view, plain lines, `--json`, TensorBoard and `submit`. */
export type TrainingEvent = { readonly at: string } & (
  | {
      readonly type: 'started';
      readonly run: string;
      readonly recipe: string;
      readonly seed: number;
      /** The data set's name on the command line; absent in older logs. */
      readonly data?: string;
      readonly epochs: number;
      readonly steps: number;
      readonly parameters: number;
      /** Absent in older logs. */
      readonly layers?: readonly LayerRow[];
      readonly engine: string;
      /** The step that a checkpoint was resumed at; 0 for a new run. */
      readonly fromStep: number;
      /** The version or file whose weights the run started from; absent where they were random. */
      readonly parent?: string;
      /** What became of the parent's head; absent where all of it was taken. */
      readonly head?: NonNullable<Parent['head']>;
      /** Set where nobody asked for the parent. */
      readonly byDefault?: true;
      /** Keys of damaged checkpoints that were skipped; absent where none were. */
      readonly damaged?: readonly string[];
    }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly steps: number;
      /** Epochs done, the fraction of the current one included. */
      readonly epoch: number;
      readonly loss: number;
      /** The learning rate of the group `weights`. */
      readonly learningRate: number;
      readonly imagesPerSecond: number;
      readonly etaSeconds: number;
    }
  | {
      readonly type: 'epoch';
      readonly epoch: number;
      readonly step: number;
      readonly loss: number;
      /** On the held-out images; absent where none are held out. */
      readonly validation?: { readonly accuracy: number; readonly loss: number };
      readonly trainingSeconds: number;
    }
  | {
      /** The number of steps was fitted to the budget. */
      readonly type: 'fitted';
      readonly step: number;
      readonly steps: number;
      readonly epochs: number;
      readonly trainingSeconds: number;
      readonly budgetSeconds: number;
    }
  | {
      /** The training diverged, and continues from the last good weights. */
      readonly type: 'recovered';
      readonly fromStep: number;
      readonly toStep: number;
      readonly reason: string;
      /** The factor of the recipe's learning rate from now on. */
      readonly learningRateFactor: number;
    }
  | {
      /** The run ended early: no better validation within `patience` epochs. */
      readonly type: 'stopped';
      readonly step: number;
      readonly epoch: number;
      readonly best: { readonly epoch: number; readonly accuracy: number };
    }
  | { readonly type: 'checkpoint'; readonly step: number; readonly key: string }
  | {
      /** The store was unavailable for a checkpoint; the next one is tried there again. */
      readonly type: 'spooled';
      readonly step: number;
      /** The folder on this machine that has it; absent where writing there failed as well. */
      readonly folder?: string;
      readonly reason: string;
    }
  | {
      /** On the test images. */
      readonly type: 'evaluated';
      /** Which weights were tested and are stored. */
      readonly kept: 'last' | 'best';
      readonly step: number;
      readonly images: number;
      readonly plain: number;
      readonly tta: number;
      readonly loss: number;
      readonly seconds: number;
      /** Images of the training steps, in operations of whole-size images; absent where all had their whole size. */
      readonly imageSteps?: number;
    }
  | {
      /** The end of a run that is not published: on the held-out images. The test images were not read. */
      readonly type: 'measured';
      /** Which weights were measured. */
      readonly kept: 'last' | 'best';
      readonly step: number;
      readonly images: number;
      readonly accuracy: number;
      readonly loss: number;
    }
  | {
      readonly type: 'saved';
      readonly version: string;
      readonly store: string;
      /** Absent in older logs. */
      readonly run?: string;
      /** The candidate before, if it is more accurate on the same test images. */
      readonly better?: { readonly version: string; readonly plain: number; readonly than: number };
    }
  | {
      /** EC2 takes the instance back. A checkpoint follows at once, and the training continues until the instance is gone. */
      readonly type: 'reclaimed';
      /** What happens to the instance, such as `terminate`. */
      readonly action: string;
      /** Approximately when. */
      readonly time: string;
    }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'interrupted'; readonly signal: string; readonly step: number; readonly resume: string }
  | { readonly type: 'failed'; readonly message: string }
);
