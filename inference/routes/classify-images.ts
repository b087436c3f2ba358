import { decodeImage } from '#images/decode-image.ts';
import { encodeGreyPng } from '#images/encode-png.ts';
import { fitImage } from '#images/fit-image.ts';
import type { Explanation, ImageAnswer } from '../http/answers.ts';
import { RequestError } from '../http/problem.ts';
import type { ClassifyOptions } from '../http/read-request.ts';
import { occlusionMap } from '../serving/explain.ts';
import type { ServedModel } from '../serving/live-models.ts';

export interface Classified {
  /** One for each picture, in their order; an error where a picture cannot be taken. */
  readonly results: readonly (ImageAnswer | Error)[];
  /** Milliseconds. */
  readonly timing: { readonly decode: number; readonly predict: number };
}

/** Megapixels of all pictures of a request together: what keeps many large ones from holding up everybody else. */
export const MAX_MEGAPIXELS = 16;

/**
 * What every dialect of the endpoint comes down to: pictures in, answers out. All are answered in one pass of the network.
 *
 * @param images files, or errors where there was no file to be had; they come back in their places
 * @throws {RequestError} an option does not fit the model or the pictures
 */
export async function classifyImages(
  images: readonly (Uint8Array | Error)[],
  model: ServedModel,
  { topK = Math.min(5, model.card.classes.length), strict = false, explain }: ClassifyOptions = {},
): Promise<Classified> {
  const { classes } = model.card;
  if (topK > classes.length) {
    throw new RequestError('bad-parameter', `top_k is ${topK}, and the model knows ${classes.length} classes.`);
  }
  if (explain !== undefined && images.length > 1) {
    throw new RequestError('bad-parameter', `explain takes one picture, and here are ${images.length}.`);
  }

  const started = performance.now();
  const prepared = await prepareAll(images, model, strict);
  const good = prepared.filter((image): image is Prepared => !(image instanceof Error));
  const decoded = performance.now();

  const probabilities = good.length > 0 ? model.classify(stack(good)) : new Float32Array(0); // [N, classes]
  let row = 0;
  const results = prepared.map((image) => {
    if (image instanceof Error) return image;
    const start = row++ * classes.length;
    const answer = answerOf(image, probabilities.subarray(start, start + classes.length), model, topK);
    return explain === undefined ? answer : { ...answer, explanation: explanationOf(image, answer, model) };
  });
  return { results, timing: { decode: decoded - started, predict: performance.now() - decoded } };
}

interface Prepared {
  readonly input: ImageAnswer['input'];
  /** `[height, width, 3]` of the model's input */
  readonly pixels: Uint8Array;
}

async function prepareAll(
  images: readonly (Uint8Array | Error)[],
  { card: { input } }: ServedModel,
  strict: boolean,
): Promise<(Prepared | Error)[]> {
  const prepared: (Prepared | Error)[] = [];
  let left = MAX_MEGAPIXELS * 1e6;
  // One that turns out to be damaged at its end has cost as much as a whole one.
  const beforeDecoding = ({ width, height }: Size) => {
    if (width * height > left) throw tooManyPixels();
    left -= width * height;
  };
  for (const bytes of images) {
    try {
      if (bytes instanceof Error) throw bytes;
      const image = await decodeImage(bytes, { raw: input, beforeDecoding });
      const { type, width, height } = image;
      if (strict && (width !== input.width || height !== input.height)) throw wrongSize(image, input);
      const { pixels: fitted, transform } = fitImage(image, input);
      prepared.push({ input: { type, width, height, transform }, pixels: fitted });
    } catch (error) {
      prepared.push(error instanceof Error ? error : new Error(String(error)));
    }
  }
  return prepared;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function wrongSize(found: Size, wanted: Size): RequestError {
  return new RequestError(
    'wrong-size',
    `The image is ${found.width}x${found.height}; with strict only ${wanted.width}x${wanted.height} is taken.`,
  );
}

function tooManyPixels(): RequestError {
  return new RequestError(
    'image-too-large',
    `The pictures of this request have more than ${MAX_MEGAPIXELS} megapixels together. Send them in several requests.`,
  );
}

/** @returns `[N, height, width, 3]` */
function stack(images: readonly Prepared[]): Uint8Array {
  return images.length === 1 ? images[0]!.pixels : Buffer.concat(images.map(({ pixels }) => pixels));
}

function answerOf({ input }: Prepared, probabilities: Float32Array, model: ServedModel, topK: number): ImageAnswer {
  const { classes, uncertainBelow } = model.card;
  const predictions = Array.from(probabilities, (score, index) => ({ label: classes[index]!, score, index }))
    .sort((a, b) => b.score - a.score)
    .slice(0, topK)
    .map((prediction) => ({ ...prediction, score: toSixDecimals(prediction.score) }));
  const { label, score } = predictions[0]!;
  return { label, score, uncertain: score < uncertainBelow, predictions, input };
}

function explanationOf({ pixels }: Prepared, answer: ImageAnswer, model: ServedModel): Explanation {
  const { label, index } = answer.predictions[0]!;
  const { width, height } = model.card.input;
  const falls = occlusionMap(pixels, index, model); // [height, width]
  const largest = Math.max(0, ...falls);
  const grey = Uint8Array.from(falls, (fall) => (largest > 0 ? Math.round((255 * Math.max(0, fall)) / largest) : 0));
  const png = Buffer.from(encodeGreyPng({ width, height, pixels: grey })).toString('base64');
  return { method: 'occlusion', label, width, height, png, largest: toSixDecimals(largest) };
}

function toSixDecimals(score: number): number {
  return Math.round(score * 1e6) / 1e6;
}
