import * as z from 'zod/mini';
import { Card } from '#models/card.ts';
import { Problem } from './problem.ts';

const score = z.number().check(z.minimum(0), z.maximum(1), z.describe('A probability, to six decimals.'));
const milliseconds = z.number().check(z.nonnegative());

export const Prediction = z
  .object({
    label: z.string(),
    score,
    index: z.int().check(z.nonnegative(), z.describe('Of the class, as the model counts them.')),
  })
  .check(z.describe('A class and its probability.'));

export const Explanation = z
  .object({
    method: z.literal('occlusion'),
    label: z.string().check(z.describe('The class that it is about.')),
    width: z.int(),
    height: z.int(),
    png: z
      .string()
      .check(
        z.describe('A grey PNG in Base64: the lighter, the more the probability falls when that part is covered.'),
      ),
    largest: score.check(z.describe('By how much it falls where the PNG is white.')),
  })
  .check(z.describe('Which parts of the picture speak for the answer.'));
export type Explanation = z.infer<typeof Explanation>;

export const ImageAnswer = z
  .object({
    label: z.string().check(z.describe('The most probable class.')),
    score,
    uncertain: z
      .boolean()
      .check(
        z.describe("The score is below the model's own threshold: such answers are wrong too often to be relied on."),
      ),
    predictions: z.array(Prediction).check(z.describe('The best first, `top_k` of them.')),
    input: z
      .object({
        type: z.string().check(z.describe('The media type that the bytes have.')),
        width: z.int(),
        height: z.int(),
        transform: z.enum(['none', 'center-crop', 'area', 'center-crop+area']),
      })
      .check(z.describe('What was sent, and what was done to it.')),
    explanation: z.optional(Explanation),
  })
  .check(z.describe('What one picture is taken for.'));
export type ImageAnswer = z.infer<typeof ImageAnswer>;

export const ModelName = z
  .object({
    name: z.string(),
    version: z.string(),
    alias: z.optional(z.string().check(z.describe('The name that it was asked for by, if that was an alias.'))),
  })
  .check(z.describe('Which model answered.'));
export type ModelName = z.infer<typeof ModelName>;

/** What every answer says of itself. */
const envelope = {
  model: ModelName,
  timing_ms: z
    .object({ decode: milliseconds, predict: milliseconds, total: milliseconds })
    .check(z.describe('Milliseconds.')),
  request_id: z.string().check(z.describe('Under which the log knows the request.')),
};

export const ClassifyAnswer = z
  .object({ ...ImageAnswer.shape, ...envelope })
  .check(z.describe('The answer to one picture.'));
export type ClassifyAnswer = z.infer<typeof ClassifyAnswer>;

export const BatchAnswer = z
  .object({
    results: z.array(z.union([ImageAnswer, z.object({ error: Problem })])),
    ...envelope,
  })
  .check(z.describe('The answer to several pictures, in their order; one that cannot be taken fails alone.'));
export type BatchAnswer = z.infer<typeof BatchAnswer>;

export const ModelAnswer = z
  .object({ version: z.string(), alias: z.optional(z.string()), ...Card.shape })
  .check(z.describe('What a model is, how good, and how it was made. Accuracies are fractions.'));
export type ModelAnswer = z.infer<typeof ModelAnswer>;

export const LiveAnswer = z.object({ status: z.literal('live') }).check(z.describe('The process runs.'));

export const ReadyAnswer = z
  .object({
    status: z.literal('ready'),
    model: ModelName,
    pending: z.optional(
      z
        .object({ version: z.string(), reason: z.string() })
        .check(z.describe('A version that should be served and cannot be, so that the one before it still answers.')),
    ),
  })
  .check(z.describe('The served model is loaded and has answered its golden images.'));
export type ReadyAnswer = z.infer<typeof ReadyAnswer>;

export const IndexAnswer = z
  .object({
    name: z.string(),
    routes: z.array(z.object({ methods: z.array(z.string()), href: z.string() })),
  })
  .check(z.describe('Every address there is, relative to this one.'));
