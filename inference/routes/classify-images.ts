import { decodeImage, type ImageLimits } from '#images/decode-image.ts';
import { encodeGreyPng } from '#images/encode-png.ts';
import type { Size } from '#images/rgb-image.ts';
import { occlusionMaps } from '#models/occlusion-maps.ts';
import type { Explanation, ImageAnswer } from '../http/answers.ts';
import { RequestError } from '../http/problem.ts';
import type { Answers } from '../serving/classifier.ts';
import type { ServedModel } from '../serving/live-models.ts';
import type { ClassifyOptions } from './classify-request.ts';

export interface Classified {
  /** One for each file, in the same order; an error for a file that cannot be classified. */
  readonly results: readonly (ImageAnswer | Error)[];
  /** Milliseconds. */
  readonly timing: { readonly decode: number; readonly predict: number };
}

/** Megapixels of all images of a request together, so that one request cannot block the others for long. */
export const MAX_MEGAPIXELS = 16;

/** Predictions of all images of a request together: with names of 100 bytes they fit in the 6 MB of a Lambda's answer. */
export const MAX_PREDICTIONS = 30_000;

/** A model whose network another thread computes. It cannot explain its answers. */
export interface RemoteModel extends Omit<ServedModel, 'classify' | 'answer'> {
  readonly classify?: undefined;
  answer(pixels: Uint8Array): Promise<Answers>;
}

/**
 * Decodes and classifies images, all in one pass of the network. Every request format ends here.
 *
 * @param files image files; an error in place of a file is returned in the same place
 * @param limits of each image. @default those of an image in a request, and of all images of a request together
 * @throws {RequestError} an option does not fit the model or the number of images
 */
export async function classifyImages(
  files: readonly (Uint8Array | Error)[],
  model: ServedModel | RemoteModel,
  { topK = Math.min(5, model.card.classes.length), strict = false, explain }: ClassifyOptions = {},
  limits?: ImageLimits,
): Promise<Classified> {
  const { classes } = model.card;
  if (topK > classes.length) {
    throw new RequestError('bad-parameter', `top_k is ${topK}, but the model has only ${classes.length} classes.`);
  }
  if (limits === undefined && topK * files.length > MAX_PREDICTIONS) {
    throw new RequestError(
      'bad-parameter',
      `top_k is ${topK} for ${files.length} images, ${topK * files.length} predictions; the limit is ${MAX_PREDICTIONS}. ` +
        'Ask for fewer classes, or send fewer images in a request.',
    );
  }
  if (explain !== undefined && files.length > 1) {
    throw new RequestError('bad-parameter', `explain works for one image, but the request has ${files.length}.`);
  }

  const started = performance.now();
  const prepared = await prepareAll(files, model, strict, limits);
  const good = prepared.filter((image): image is Prepared => !(image instanceof Error));
  const decoded = performance.now();

  const answers = good.length > 0 ? await model.answer(stack(good)) : undefined;
  let row = 0;
  const results = prepared.map((image) => {
    if (image instanceof Error) return image;
    const answer = answerOf(image, row++, answers!, model, topK);
    const { classify } = model;
    if (explain === undefined || classify === undefined) return answer;
    return { ...answer, explanation: explanationOf(image, answer, { card: model.card, classify }) };
  });
  return { results, timing: { decode: decoded - started, predict: performance.now() - decoded } };
}

interface Prepared {
  readonly input: ImageAnswer['input'];
  /** `[height, width, 3]` uint8, of the model's input size */
  readonly pixels: Uint8Array;
}

async function prepareAll(
  files: readonly (Uint8Array | Error)[],
  { card: { input } }: Pick<ServedModel, 'card'>,
  strict: boolean,
  limits: ImageLimits | undefined,
): Promise<(Prepared | Error)[]> {
  const prepared: (Prepared | Error)[] = [];
  let left = limits === undefined ? MAX_MEGAPIXELS * 1e6 : Number.POSITIVE_INFINITY;
  // Counted before decoding: an image that is damaged at its end costs as much as an intact one.
  const beforeDecoding = ({ width, height }: Size) => {
    if (strict && (width !== input.width || height !== input.height)) throw wrongSize({ width, height }, input);
    if (width * height > left) throw tooManyPixels();
    left -= width * height;
  };
  for (const bytes of files) {
    try {
      if (bytes instanceof Error) throw bytes;
      const options = { input, fit: input.fit ?? 'crop', beforeDecoding, ...(limits && { limits }) };
      const { pixels, ...described } = await decodeImage(bytes, options);
      prepared.push({ input: described, pixels });
    } catch (error) {
      prepared.push(error instanceof Error ? error : new Error(String(error)));
    }
  }
  return prepared;
}

function wrongSize(found: Size, expected: Size): RequestError {
  return new RequestError(
    'wrong-size',
    `The image is ${found.width}x${found.height}; with strict it must be ${expected.width}x${expected.height}.`,
  );
}

function tooManyPixels(): RequestError {
  return new RequestError(
    'image-too-large',
    `The images of this request have more than ${MAX_MEGAPIXELS} megapixels together. Split them into several requests.`,
  );
}

/** @returns `[N, height, width, 3]` */
function stack(images: readonly Prepared[]): Uint8Array {
  return images.length === 1 ? images[0]!.pixels : Buffer.concat(images.map(({ pixels }) => pixels));
}

/** @param row of the image in the answers */
function answerOf(
  { input }: Prepared,
  row: number,
  answers: Answers,
  model: Pick<ServedModel, 'card'>,
  topK: number,
): ImageAnswer {
  const { classes, uncertainBelow } = model.card;
  const scores = answers.probabilities.subarray(row * classes.length, (row + 1) * classes.length);
  const predictions = Array.from(scores, (score, index) => ({ label: classes[index]!, score, index }))
    .sort((a, b) => b.score - a.score)
    .slice(0, topK)
    .map((prediction) => ({ ...prediction, score: toSixDecimals(prediction.score) }));
  const { label, score } = predictions[0]!;
  const unfamiliar = answers.unfamiliar?.[row];
  const claims = { uncertain: score < uncertainBelow, ...(unfamiliar !== undefined && { unfamiliar }) };
  return { label, score, ...claims, predictions, input };
}

function explanationOf(
  { pixels }: Prepared,
  answer: ImageAnswer,
  model: Pick<ServedModel, 'card' | 'classify'>,
): Explanation {
  const { label, index } = answer.predictions[0]!;
  const { width, height } = model.card.input;
  const drops = occlusionMaps(pixels, [index], model)[0]!; // [height, width]
  const largest = Math.max(0, ...drops);
  const grey = Uint8Array.from(drops, (drop) => (largest > 0 ? Math.round((255 * Math.max(0, drop)) / largest) : 0));
  const png = Buffer.from(encodeGreyPng({ width, height, pixels: grey })).toString('base64');
  return { method: 'occlusion', label, width, height, png, largest: toSixDecimals(largest) };
}

function toSixDecimals(score: number): number {
  return Math.round(score * 1e6) / 1e6;
}
