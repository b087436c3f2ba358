import * as z from 'zod/mini';

const count = z.number().check(z.int(), z.nonnegative());
const seconds = z.number().check(z.nonnegative());
const fraction = z.number().check(z.minimum(0), z.maximum(1));

/** The end of an epoch of a run of a sweep. */
export const CurvePoint = z.object({
  step: count,
  /** Epochs done; a run may end within one. */
  epoch: z.number(),
  /** Mean training loss of the steps since the last point. */
  loss: z.number(),
  /** On the held-out images. */
  heldOut: z.object({ accuracy: fraction, loss: z.number() }),
  trainingSeconds: seconds,
});
export type CurvePoint = z.infer<typeof CurvePoint>;

/** How a trained network answered the held-out images. The test images are not read for a sweep. */
export const HeldOutAnswers = z.object({
  images: count,
  accuracy: fraction,
  /** Mean cross-entropy, at temperature 1. */
  loss: z.number(),
  /** One bit an image, in the order of the held-out images: `encodeBits` of whether the answer is right. */
  right: z.string(),
});
export type HeldOutAnswers = z.infer<typeof HeldOutAnswers>;

/** The result of a run of a sweep: `plans/<id>/results/<shard>.json`. */
export const SweepResult = z.object({
  /** The time of the last step, or when the run was abandoned. */
  at: z.iso.datetime(),
  /** The run, whose events and curves stay. */
  run: z.string(),
  /**
   * `guessing`: it ended, and its answers are no better than guessing; `diverged`: it was abandoned. Both are results: the
   * same run again would end as it did.
   */
  outcome: z.enum(['trained', 'guessing', 'diverged']),
  /** Why the run is not `trained`; absent where it is. */
  reason: z.optional(z.string()),
  /** Absent in a run that diverged. */
  heldOut: z.optional(HeldOutAnswers),
  /** The weights that were measured, and that would be published; absent in a run that diverged. */
  kept: z.optional(
    z.object({
      weights: z.enum(['last', 'best']),
      step: count,
      epoch: z.number(),
      /** SHA-256 of the names, shapes and bytes of the weights: equal where they are equal bit for bit. */
      sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
    }),
  ),
  /** Done. */
  epochs: z.number(),
  steps: count,
  /** Images of all steps, in operations of whole-size images; absent where all had their whole size. */
  imageSteps: z.optional(count),
  /** How often it diverged, and went back to earlier weights with a lower learning rate. */
  recoveries: count,
  /** Of the steps alone, over all attempts. */
  trainingSeconds: seconds,
  /** Over all attempts, from the opened data on. */
  wallSeconds: seconds,
  parameters: count,
  /** What the run was trained with, such as `TensorFlow 2.18 on 2 CPU threads`. */
  engine: z.string(),
  machine: z.object({
    cpu: z.string(),
    cores: count,
    /** Bytes. */
    memory: count,
    gpu: z.optional(z.string()),
    /** The EC2 instance type, such as `g4dn.xlarge`; absent elsewhere. */
    instance: z.optional(z.string()),
  }),
  curve: z.array(CurvePoint),
});
export type SweepResult = z.infer<typeof SweepResult>;

/** Bits as base64, eight a byte, the first one in the highest place; the last byte is filled with zeros. */
export function encodeBits(bits: readonly boolean[]): string {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [index, bit] of bits.entries()) {
    if (bit) bytes[index >> 3]! |= 128 >> (index & 7);
  }
  return Buffer.from(bytes).toString('base64');
}

/**
 * @param count of the bits
 * @throws {RangeError} the text has not the bytes of so many bits
 */
export function decodeBits(text: string, count: number): boolean[] {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== Math.ceil(count / 8)) {
    throw new RangeError(`${bytes.length} bytes are not ${count} bits: ${Math.ceil(count / 8)} bytes are expected.`);
  }
  return Array.from({ length: count }, (_, index) => (bytes[index >> 3]! & (128 >> (index & 7))) !== 0);
}
