import * as z from 'zod/mini';

const measured = { accuracy: z.number(), loss: z.number() };

/** `results/<date>-the-post.json`: the post's recipe with several seeds. Accuracies are fractions. */
export const PostResults = z.object({
  command: z.string(),
  commit: z.string(),
  host: z.object({ cpu: z.string(), cores: z.number() }),
  seeds: z
    .array(
      z.object({
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
      }),
    )
    .check(z.minLength(1)),
});
export type PostResults = z.infer<typeof PostResults>;

/** What the post reached on the test images. */
export const reported = [
  { epoch: 100, accuracy: 0.7737, loss: 0.67 },
  { epoch: 150, accuracy: 0.7822, loss: 0.646 },
  { epoch: 200, accuracy: 0.7777, loss: 0.67 },
] as const;
