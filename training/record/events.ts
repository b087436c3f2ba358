/** What a run says of itself, in order: the terminal view, plain lines, `--json`, TensorBoard and `submit` read nothing else. */
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
      readonly engine: string;
      /** The step that a checkpoint was resumed at; 0 for a new run. */
      readonly fromStep: number;
      /** The version or file whose weights the run began with; absent where they were drawn. */
      readonly parent?: string;
      /** Keys of what was passed over on the way to that checkpoint, being damaged; absent where nothing was. */
      readonly damaged?: readonly string[];
    }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly steps: number;
      /** Fraction of an epoch included. */
      readonly epoch: number;
      readonly loss: number;
      /** The highest of the step. */
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
      /** The training diverged, and goes on from weights that were good. */
      readonly type: 'recovered';
      readonly fromStep: number;
      readonly toStep: number;
      readonly reason: string;
      /** What the learning rate of the recipe is multiplied by from here on. */
      readonly learningRateFactor: number;
    }
  | {
      /** Too many epochs went by without a better validation. */
      readonly type: 'stopped';
      readonly step: number;
      readonly epoch: number;
      readonly best: { readonly epoch: number; readonly accuracy: number };
    }
  | { readonly type: 'checkpoint'; readonly step: number; readonly key: string }
  | {
      /** The store did not take a checkpoint; the next one is tried there again. */
      readonly type: 'spooled';
      readonly step: number;
      /** The folder on this machine that took it; absent where that one failed as well. */
      readonly folder?: string;
      readonly reason: string;
    }
  | {
      /** On the test images. */
      readonly type: 'evaluated';
      /** Whose weights were tested and are stored. */
      readonly kept: 'last' | 'best';
      readonly step: number;
      readonly images: number;
      readonly plain: number;
      readonly tta: number;
      readonly loss: number;
      readonly seconds: number;
    }
  | { readonly type: 'saved'; readonly version: string; readonly store: string }
  | { readonly type: 'interrupted'; readonly signal: string; readonly step: number; readonly resume: string }
  | { readonly type: 'failed'; readonly message: string }
);
