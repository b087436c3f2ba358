import { type DecodedImage, decodeImage } from '#images/decode-image.ts';
import { fitImage } from '#images/fit-image.ts';
import type { ImageAnswer } from './answers.ts';
import type { ServedModel } from './live-models.ts';
import { RequestError } from './problem.ts';

export interface ClassifyOptions {
  /** How many classes to name; at most all. @default 5 */
  readonly topK?: number | undefined;
  /** Refuse pictures of another size than the model's, instead of cropping and scaling them. @default false */
  readonly strict?: boolean;
}

export interface Classified {
  /** One for each picture, in their order; an error where a picture cannot be taken. */
  readonly results: readonly (ImageAnswer | Error)[];
  /** Milliseconds. */
  readonly timing: { readonly decode: number; readonly predict: number };
}

/**
 * What every dialect of the endpoint comes down to: pictures in, answers out. All are answered in one pass of the network.
 *
 * @throws {RequestError} `topK` is more than there are classes
 */
export async function classifyImages(
  images: readonly Uint8Array[],
  model: ServedModel,
  { topK, strict = false }: ClassifyOptions = {},
): Promise<Classified> {
  const { classes, input } = model.card;
  if (topK !== undefined && topK > classes.length) {
    throw new RequestError('bad-parameter', `top_k is ${topK}, and the model knows ${classes.length} classes.`);
  }

  const started = performance.now();
  const prepared = await Promise.all(images.map((bytes) => prepare(bytes, input, strict).catch(asError)));
  const good = prepared.filter((image): image is Prepared => !(image instanceof Error));
  const decoded = performance.now();

  const probabilities = good.length > 0 ? model.classify(stack(good)) : new Float32Array(0); // [N, classes]
  const predicted = performance.now();

  let row = 0;
  const results = prepared.map((image) => {
    if (image instanceof Error) return image;
    const start = row++ * classes.length;
    return answer(image, probabilities.subarray(start, start + classes.length), model, topK ?? 5);
  });
  return { results, timing: { decode: decoded - started, predict: predicted - decoded } };
}

interface Prepared {
  readonly input: ImageAnswer['input'];
  /** `[height, width, 3]` of the model's input */
  readonly pixels: Uint8Array;
}

async function prepare(bytes: Uint8Array, size: ServedModel['card']['input'], strict: boolean): Promise<Prepared> {
  const image: DecodedImage = await decodeImage(bytes, { raw: size });
  const { type, width, height } = image;
  if (strict && (width !== size.width || height !== size.height)) {
    throw new RequestError(
      'wrong-size',
      `The image is ${width}x${height}; strict=1 takes ${size.width}x${size.height}.`,
    );
  }
  const { pixels, transform } = fitImage(image, size);
  return { input: { type, width, height, transform }, pixels };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** @returns `[N, height, width, 3]` */
function stack(images: readonly Prepared[]): Uint8Array {
  if (images.length === 1) return images[0]!.pixels;
  return Buffer.concat(images.map(({ pixels }) => pixels));
}

function answer({ input }: Prepared, probabilities: Float32Array, model: ServedModel, topK: number): ImageAnswer {
  const { classes, uncertainBelow } = model.card;
  const predictions = Array.from(probabilities, (score, index) => ({ label: classes[index]!, score, index }))
    .sort((a, b) => b.score - a.score)
    .slice(0, topK)
    .map((prediction) => ({ ...prediction, score: Math.round(prediction.score * 1e6) / 1e6 }));
  const { label, score } = predictions[0]!;
  return { label, score, uncertain: score < uncertainBelow, predictions, input };
}
