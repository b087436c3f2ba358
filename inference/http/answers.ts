import * as z from 'zod/mini';
import { transforms } from '#images/fit-image.ts';
import { Card } from '#models/card.ts';
import { Problem } from './problem.ts';

const score = z.number().check(z.minimum(0), z.maximum(1), z.describe('A probability, rounded to six decimals.'));
const milliseconds = z.number().check(z.nonnegative());

export const Prediction = z
  .object({
    label: z.string(),
    score,
    index: z.int().check(z.nonnegative(), z.describe("The class's index in the output of the model.")),
  })
  .check(z.describe('A class and its probability.'));

export const Explanation = z
  .object({
    method: z.literal('occlusion'),
    label: z.string().check(z.describe('The class that is explained.')),
    width: z.int(),
    height: z.int(),
    png: z
      .string()
      .check(
        z.describe('A grayscale PNG in Base64. The lighter a pixel, the more the probability drops if it is covered.'),
      ),
    largest: score.check(z.describe('The drop in probability where the PNG is white.')),
  })
  .check(z.describe('Which parts of the image support the answer.'));
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
    unfamiliar: z.optional(
      z
        .boolean()
        .check(
          z.describe(
            'The image is like none of the classes, by what the network makes of it and by its texture. Absent where the ' +
              'model cannot tell.',
          ),
        ),
    ),
    predictions: z.array(Prediction).check(z.describe('The `top_k` most probable classes, best first.')),
    input: z
      .object({
        type: z.string().check(z.describe('The media type, detected from the bytes.')),
        width: z.int(),
        height: z.int(),
        transform: z.enum(transforms),
        repaired: z.optional(
          z
            .string()
            .check(
              z.describe('What is wrong with the file, where that did not affect the picture: such a file is taken.'),
            ),
        ),
      })
      .check(z.describe('The image that was sent, and how it was resized.')),
    explanation: z.optional(Explanation),
  })
  .check(z.describe('The answer for one image.'));
export type ImageAnswer = z.infer<typeof ImageAnswer>;

export const ModelName = z
  .object({
    name: z.string(),
    version: z.string(),
    alias: z.optional(z.string().check(z.describe('The alias that was requested, if any.'))),
  })
  .check(z.describe('The model that answered.'));
export type ModelName = z.infer<typeof ModelName>;

/** Members that every answer of `/classify` has. */
const envelope = {
  model: ModelName,
  timing_ms: z
    .object({ decode: milliseconds, predict: milliseconds, total: milliseconds })
    .check(z.describe('Milliseconds.')),
  request_id: z.string().check(z.describe('The ID of the request in the log.')),
};

export const ClassifyAnswer = z
  .object({ ...ImageAnswer.shape, ...envelope })
  .check(z.describe('The answer to a request with one image.'));
export type ClassifyAnswer = z.infer<typeof ClassifyAnswer>;

export const BatchAnswer = z
  .object({
    results: z.array(z.union([ImageAnswer, z.object({ error: Problem })])),
    ...envelope,
  })
  .check(
    z.describe('One result for each image, in the order sent. An image that cannot be read does not fail the others.'),
  );
export type BatchAnswer = z.infer<typeof BatchAnswer>;

export const ModelAnswer = z
  .object({ version: z.string(), alias: z.optional(z.string()), ...Card.shape })
  .check(
    z.describe('The model card: what the model is, how accurate, and how it was trained. Accuracies are fractions.'),
  );
export type ModelAnswer = z.infer<typeof ModelAnswer>;

export const LiveAnswer = z.object({ status: z.literal('live') }).check(z.describe('The process runs.'));
export type LiveAnswer = z.infer<typeof LiveAnswer>;

export const ReadyAnswer = z
  .object({
    status: z.literal('ready'),
    model: ModelName,
    pending: z.optional(
      z
        .object({ version: z.string(), reason: z.string() })
        .check(z.describe('A newer version that cannot be loaded, so that the previous one still answers.')),
    ),
  })
  .check(z.describe('The served model is loaded and has passed its golden images.'));
export type ReadyAnswer = z.infer<typeof ReadyAnswer>;

export const IndexAnswer = z
  .object({
    name: z.string(),
    routes: z.array(z.object({ methods: z.array(z.string()), href: z.string() })),
  })
  .check(z.describe('All routes, relative to this address.'));
export type IndexAnswer = z.infer<typeof IndexAnswer>;
