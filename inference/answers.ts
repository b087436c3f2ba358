import * as z from 'zod/mini';
import { Problem } from './problem.ts';

/** A probability, to six decimals. */
const score = z.number().check(z.minimum(0), z.maximum(1));

const Prediction = z.object({
  label: z.string(),
  score,
  /** Of the class, as the model counts them. */
  index: z.int().check(z.nonnegative()),
});

/** Which parts of the picture speak for the answer. */
const Explanation = z.object({
  method: z.literal('occlusion'),
  /** The class that it is about. */
  label: z.string(),
  width: z.int(),
  height: z.int(),
  /** A grey PNG in Base64: the lighter, the more the probability falls when that part is covered. */
  png: z.string(),
  /** By how much it falls where the PNG is white. */
  largest: score,
});
export type Explanation = z.infer<typeof Explanation>;

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
  explanation: z.optional(Explanation),
});
export type ImageAnswer = z.infer<typeof ImageAnswer>;

/** Which model answered; without `alias` if it was asked for by its version. */
export const ModelName = z.object({ name: z.string(), version: z.string(), alias: z.optional(z.string()) });
export type ModelName = z.infer<typeof ModelName>;

/** What every answer says of itself. */
const envelope = {
  model: ModelName,
  timing_ms: z.object({ decode: z.number(), predict: z.number(), total: z.number() }),
  request_id: z.string(),
};

/** The answer to one picture. */
export const ClassifyAnswer = z.extend(ImageAnswer, envelope);
export type ClassifyAnswer = z.infer<typeof ClassifyAnswer>;

/** The answer to several, in their order; a picture that cannot be taken fails alone. */
export const BatchAnswer = z.object({
  results: z.array(z.union([ImageAnswer, z.object({ error: Problem })])),
  ...envelope,
});
export type BatchAnswer = z.infer<typeof BatchAnswer>;

/** `GET /health/ready` */
export const ReadyAnswer = z.object({
  status: z.literal('ready'),
  model: ModelName,
  /** A version that should be served and cannot be, so that the one before it still answers. */
  pending: z.optional(z.object({ version: z.string(), reason: z.string() })),
});
export type ReadyAnswer = z.infer<typeof ReadyAnswer>;
