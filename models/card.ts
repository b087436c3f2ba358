import * as z from 'zod/mini';
import { Unfamiliar } from './unfamiliar.ts';

const fraction = z.number().check(z.minimum(0), z.maximum(1));
const count = z.number().check(z.int(), z.nonnegative());
const positive = z.number().check(z.positive());
const averages = z.object({ precision: fraction, recall: fraction, f1: fraction });
const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** What became of a parent's head: absent where the classes are the same in the same order, and all was taken. */
const head = z.optional(
  z.object({
    /** Classes of both, whose weights were taken. */
    kept: z.array(z.string()),
    /** Classes that the parent does not have, whose weights were drawn. */
    drawn: z.array(z.string()),
    /** Classes that only the parent has. */
    left: z.array(z.string()),
  }),
);
/** Set where nobody asked for this parent: few pictures begin with it. */
const byDefault = z.optional(z.literal(true));

/** The weights that a training began with: those of a version, with the alias it was asked for by, or of a file. */
export const Parent = z.union([
  z.object({ version: z.string(), alias: z.optional(z.string()), head, byDefault }),
  z.object({ file: z.string(), sha256, head }),
]);
export type Parent = z.infer<typeof Parent>;

/**
 * A model's classes, accuracy and origin: `card.json` of a version. Fractions are in [0, 1], times in seconds, sizes in
 * bytes.
 */
export const Card = z
  .object({
    /** The model's name: that of its data set on the command line, such as `cifar10`. */
    name: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/)),
    createdAt: z.iso.datetime(),
    /** In the order of the outputs. */
    classes: z.array(z.string().check(z.minLength(1))).check(z.minLength(2)),
    /** The model takes RGB `[N, height, width, channels]` of this range, and returns logits. */
    input: z.object({
      height: count.check(z.positive()),
      width: count.check(z.positive()),
      channels: count.check(z.positive()),
      range: z.tuple([z.literal(0), z.literal(255)]),
      /** How pictures of another shape become the input. @default 'crop' */
      fit: z.optional(z.enum(['crop', 'pad', 'stretch'])),
    }),
    /** Probabilities are softmax(logits / temperature); chosen on held-out images. */
    temperature: positive,
    /** Answers whose best probability is lower are marked as uncertain. */
    uncertainBelow: fraction,
    /** Which pictures are like none of the classes; absent where too few images were held out to tell. */
    unfamiliar: z.optional(Unfamiliar),
    /** On the whole test set, read once. */
    accuracy: z.object({
      plain: fraction,
      /** With test-time augmentation. */
      tta: fraction,
      /** The number of test images. */
      images: count.check(z.positive()),
      /** Wilson's 95 % interval of `plain`. */
      interval95: z.tuple([fraction, fraction]),
      /** By the class's name. */
      perClass: z.record(z.string(), fraction),
      /** The share whose class is among the best five; absent for five classes or fewer, and in older cards. */
      top5: z.optional(fraction),
      /** Precision, recall and F1, averaged over the classes, and by their test images; older cards have none. */
      macro: z.optional(averages),
      weighted: z.optional(averages),
      /** The mean area under the classes' ROC curves, each class against the others; older cards have none. */
      macroAuc: z.optional(fraction),
    }),
    /** Mean cross-entropy on the test set. */
    loss: z.number().check(z.nonnegative()),
    /** Expected calibration error on the test set, without the temperature and with it; older cards have none. */
    calibration: z.optional(z.object({ before: fraction, after: fraction })),
    data: z.object({
      /** For people, such as `CIFAR-10`. */
      name: z.string(),
      /** By the name of the split. */
      sha256: z.record(z.string(), sha256),
      /** The number of training images that were held out to make choices on. */
      heldOut: count,
    }),
    recipe: z.object({ name: z.string(), settings: z.record(z.string(), z.unknown()) }),
    seed: count,
    /** Absent if the weights were drawn. */
    parent: z.optional(Parent),
    epochs: z.number().check(z.nonnegative()),
    /**
     * Images of all training steps, each counted by its operations as a share of those of a whole-size image. Absent where all had
     * their whole size: then it is the number of steps times the batch size.
     */
    imageSteps: z.optional(count),
    /** Which of the run's weights these are: those after the last step, or those that validated best. */
    kept: z.optional(
      z.object({ weights: z.enum(['last', 'best']), step: count, epoch: z.number().check(z.nonnegative()) }),
    ),
    trainingSeconds: z.number().check(z.nonnegative()),
    wallSeconds: z.number().check(z.nonnegative()),
    parameters: count,
    /** Version and device, such as `TensorFlow 2.21.0, CPU, 2 threads, oneDNN`. */
    engine: z.string(),
    /** The source's commit; null if it was not a git checkout. */
    commit: z.nullable(z.string()),
    host: z.object({ cpu: z.string(), cores: count, memory: count, gpu: z.optional(z.string()) }),
    run: z.string(),
    /** SPDX identifier. */
    license: z.string(),
    intendedUse: z.string(),
    limits: z.string(),
  })
  .check(
    z.refine((card) => new Set(card.classes).size === card.classes.length, {
      path: ['classes'],
      error: 'a class occurs twice',
    }),
    z.refine((card) => sameMembers(Object.keys(card.accuracy.perClass), card.classes), {
      path: ['accuracy', 'perClass'],
      error: 'must have each class, and nothing else',
    }),
    z.refine((card) => isWithin(card.accuracy.plain, card.accuracy.interval95), {
      path: ['accuracy', 'interval95'],
      error: 'does not contain the accuracy',
    }),
  );
export type Card = z.infer<typeof Card>;

function sameMembers(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((member) => others.includes(member));
}

function isWithin(value: number, [low, high]: readonly [number, number]): boolean {
  return low <= value && value <= high;
}

/** The parent's name for messages: the version's id or the file's name. */
export function parentName(parent: Parent): string {
  return 'version' in parent ? parent.version : parent.file;
}
