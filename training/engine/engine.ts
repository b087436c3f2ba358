import type { Augmentation } from '../data/augmentation.ts';
import type { Batch, BatchPlan } from '../data/batch.ts';
import type { Split } from '../data/dataset.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import type { Net } from '../nets/net.ts';
import type { ParameterGroup } from '../recipe/optimizer.ts';
import type { Precision } from '../recipe/precision.ts';

/**
 * One network being trained on one backend. There are two: `graph/` (a step is one TensorFlow graph, native) and `eager/`
 * (TensorFlow.js, op by op, on WebAssembly); `engine.contract.ts` tests both.
 *
 * Calls are synchronous: a step blocks the event loop, so the loop that drives it awaits between steps.
 */
export interface Engine {
  readonly backend: 'tensorflow' | 'wasm';
  /** Version and device for the record, such as `TensorFlow 2.21.0, CPU, 2 threads, oneDNN`. */
  readonly description: string;

  /** One optimizer step on `[B]` images, `B` being the compiled batch size. @returns the mean loss of the batch, weighted */
  step(batch: Batch, options: StepOptions): number;

  /** Present where the engine keeps images (`EngineOptions.resident`) and supports it. */
  readonly steps?: ManySteps | undefined;

  /** Moves the weights and their slow average towards each other; needs `EngineOptions.lookahead`. @see airbench §3 */
  lookahead(decay: number): void;

  /**
   * Moves the slow average towards the weights, which stay where they are; needs `EngineOptions.average`. `lookahead(1)` sets the
   * weights to it.
   *
   * @param decay the share that it keeps of itself
   */
  average(decay: number): void;

  /**
   * Moves the running statistics of batch normalizations towards those of a batch at the present weights; nothing else changes.
   * Needs `EngineOptions.average`.
   *
   * @param share how far: 1 for those of the batch itself
   */
  observe(batch: Batch, options: ObserveOptions): void;

  /**
   * Logits with the running statistics and without dropout.
   *
   * @param images `[N, H, W, C]` uint8, for any N
   * @returns `[N, classes]` float32
   */
  logits(images: Uint8Array): Float32Array;

  /** Every weight and running statistic, by name: what is exported. */
  weights(): NamedTensor[];
  /** Everything in a checkpoint: the weights, the optimizers' slots, the slow average. */
  state(): NamedTensor[];
  /** @throws {UserError} a tensor is missing, unknown, or has another shape */
  restore(state: readonly NamedTensor[]): void;

  dispose(): void;
}

/** Many steps in one call, with the same result as one by one, bit for bit. */
export interface ManySteps {
  /** In one call. */
  readonly most: number;
  /**
   * @param plans of steps that follow each other, and train the same groups on images of the same size
   * @returns the mean loss of each batch
   */
  run(plans: readonly StepPlan[]): Float32Array;
}

/** One step on resident images. */
export interface StepPlan extends StepOptions {
  readonly batch: BatchPlan;
  /** The decay of a `lookahead` after this step. @default none */
  readonly lookahead?: number | undefined;
  /** The decay of an `average` after this step. @default none */
  readonly average?: number | undefined;
}

export interface ObserveOptions {
  /** Keys the random numbers (dropout), as that of a step does. */
  readonly step: number;
  readonly share: number;
}

export interface StepOptions {
  /** Counts from 0; keys the random numbers of the step (dropout). */
  readonly step: number;
  /**
   * Keyed by parameter group. The groups that are left out, a set of `EngineOptions.freezable`, are not trained in this step. A
   * batch normalization of whose weights a step trains none normalizes by its running statistics, which stay as they are.
   */
  readonly learningRates: Readonly<Record<string, number>>;
  /** One of `EngineOptions.resolutions`, to which the images are reduced. @default their own size */
  readonly resolution?: number | undefined;
}

export interface EngineOptions {
  readonly net: Net;
  /** Initial values, one for each weight of the net (`nets/initialize.ts`). */
  readonly weights: readonly NamedTensor[];
  readonly batchSize: number;
  /** Keys dropout. */
  readonly seed: number;
  /** Share of a label that is spread over all classes, in [0, 1). */
  readonly labelSmoothing: number;
  /** What an image of each class counts in the loss. @default 1 for each */
  readonly classWeights?: readonly number[] | undefined;
  /** The gradients are those of the batch's mean loss (Keras), or of its sum (airbench). */
  readonly reduction: 'mean' | 'sum';
  /** Each trained weight is in exactly one group; a weight in none is a constant. */
  readonly groups: readonly ParameterGroup[];
  /** Sets of groups that a step may leave out: one of these sets, or no group. @default none */
  readonly freezable?: readonly (readonly string[])[];
  /**
   * Type of the values between the layers in a training step, and of their gradients; weights, optimizers, the loss and
   * evaluation stay float32. `auto`: the faster one on this machine. @default 'float32'
   */
  readonly precision?: 'auto' | Precision;
  /**
   * How kernels of convolutions get their gradients: as ever, or `auto`, where shape and processor say so, as products of
   * matrices, whose sums have another order. @default 'convolution'
   */
  readonly filterGradient?: 'auto' | 'convolution';
  /**
   * How convolutions are computed, in training and in `logits`: as they are defined, or in float32 by Winograd's method where their shape
   * makes that faster, which rounds otherwise. @default 'direct'
   */
  readonly convolutions?: 'direct' | 'winograd';
  /** Keep a slow average of weights and statistics. @default false */
  readonly lookahead?: boolean;
  /** Keep a slow average that the weights do not follow; one engine has one or the other. @default false */
  readonly average?: boolean;
  /**
   * Sides, in pixels, of the squares that a step may reduce its images to: bilinearly, between the four nearest pixels, as PyTorch's
   * `interpolate` does. `logits` takes images as they are. @default none
   */
  readonly resolutions?: readonly number[] | undefined;
  /** Keep these images, for `Engine.steps`; an engine that has none leaves them. @default none */
  readonly resident?: ResidentImages | undefined;
}

/** Training images that an engine keeps where it computes. */
export interface ResidentImages extends Split {
  /** What may be done to them. */
  readonly augmentation: Augmentation;
}
