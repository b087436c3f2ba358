import { occlusionMaps } from '#models/occlusion-maps.ts';
import { type Split, slice } from '../data/dataset.ts';
import type { Predict } from './evaluate.ts';
import { type Mistake, worstMistakes } from './measure.ts';
import { probabilities } from './temperature.ts';

/** A mistake, and the parts of the image that it was made by. */
export interface ExplainedMistake extends Mistake {
  /** `[height, width]`, as `occlusionMaps` gives it for the wrong answer. */
  readonly forAnswer: Float32Array;
  /** The same for the correct class. */
  readonly forCorrect: Float32Array;
}

export interface ExplainOptions {
  /** Height, width and channels. */
  readonly imageSize: readonly [number, number, number];
  readonly classes: number;
  readonly temperature: number;
  /** How many mistakes. */
  readonly most: number;
}

/**
 * Finds what the network looked at in its worst mistakes. Each takes one pass of some fifty images.
 *
 * @param logits `[split.count, classes]`
 * @returns none for images without three channels
 */
export function explainMistakes(
  predict: Predict,
  split: Split,
  logits: Float32Array,
  { imageSize: [height, width, channels], classes: count, temperature, most }: ExplainOptions,
): ExplainedMistake[] {
  if (channels !== 3) return [];
  const model = {
    card: { classes: new Array<string>(count), input: { height, width } },
    classify: (images: Uint8Array) => probabilities(predict(images), count, temperature),
  };
  return worstMistakes(probabilities(logits, count, temperature), split.labels, most).map((mistake) => {
    const pixels = slice(split, mistake.image, mistake.image + 1).images;
    const maps = occlusionMaps(pixels, [mistake.answer, mistake.label], model);
    return { ...mistake, forAnswer: maps[0]!, forCorrect: maps[1]! };
  });
}
