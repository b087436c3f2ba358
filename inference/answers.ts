import * as z from 'zod/mini';

/** A probability, to six decimals. */
const score = z.number().check(z.minimum(0), z.maximum(1));

const Prediction = z.object({
  label: z.string(),
  score,
  /** Of the class, as the model counts them. */
  index: z.int().check(z.nonnegative()),
});

/** What one picture is taken for. */
export const ImageAnswer = z.object({
  label: z.string(),
  score,
  /** The score is below the model's own threshold: such answers are wrong too often to be relied on. */
  uncertain: z.boolean(),
  /** The best first, `top_k` of them. */
  predictions: z.array(Prediction),
  /** What was sent, and what was done to it. */
  input: z.object({
    type: z.string(),
    width: z.int(),
    height: z.int(),
    transform: z.enum(['none', 'center-crop', 'area', 'center-crop+area']),
  }),
});
export type ImageAnswer = z.infer<typeof ImageAnswer>;

/** What every answer says of itself. */
const envelope = {
  model: z.object({ name: z.string(), version: z.string(), alias: z.optional(z.string()) }),
  timing_ms: z.object({ decode: z.number(), predict: z.number(), total: z.number() }),
  request_id: z.string(),
};

/** The answer to one picture. */
export const ClassifyAnswer = z.extend(ImageAnswer, envelope);
export type ClassifyAnswer = z.infer<typeof ClassifyAnswer>;
