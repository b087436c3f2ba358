import * as z from 'zod/mini';

const measured = { accuracy: z.number(), loss: z.number() };

/** `results/<date>-the-post-seed-<seed>.json`: the post's recipe, trained with one seed. Accuracies are fractions. */
export const PostResult = z.object({
  command: z.string(),
  commit: z.string(),
  host: z.object({ cpu: z.string(), cores: z.number() }),
  seed: z.number(),
  /** Every epoch of the training. */
  epochs: z
    .array(
      z.object({
        epoch: z.number(),
        /** Of the training images, while they are trained on. */
        loss: z.number(),
        heldOut: z.object(measured),
        /** Since the training began. */
        trainingSeconds: z.number(),
      }),
    )
    .check(z.minLength(1)),
  /** At the fixed epochs. */
  test: z.array(z.object({ epoch: z.number(), ...measured })),
});
export type PostResult = z.infer<typeof PostResult>;

/** What the post reached on the test images. */
export const reported = [
  { epoch: 100, accuracy: 0.7737, loss: 0.67 },
  { epoch: 150, accuracy: 0.7822, loss: 0.646 },
  { epoch: 200, accuracy: 0.7777, loss: 0.67 },
] as const;
