import { mapInOrder } from '#environment/map-in-order.ts';
import { UserError } from '#errors/user-error.ts';
import type { EndpointClient } from '#inference/client/client.ts';
import { MAX_BODY } from '#inference/http/read-body.ts';
import { MAX_IMAGES } from '#inference/routes/classify-request.ts';
import { InferAnswer, MAX_VALUES } from '#inference/routes/open-inference.ts';
import type { Split } from '#training/data/dataset.ts';
import { type Endpoint, postWithRetries } from './endpoint.ts';

/** Requests in flight at a time: as many as a function's default concurrency and a local endpoint on two cores can serve. */
const PARALLEL = 4;

interface Asked {
  /** The id of a version, so that the same one answers every image. */
  readonly version: string;
  /** Height, width and channels. */
  readonly imageSize: readonly [number, number, number];
  readonly classes: number;
  /** Called with the number of images answered so far. */
  readonly onProgress: (images: number) => void;
}

/**
 * An endpoint's probabilities for each image, in order, by the Open Inference Protocol: it takes raw pixels and returns
 * unrounded probabilities.
 *
 * @returns `[split.count, classes]`
 * @throws {UserError} an image is not answered after several tries
 */
export async function servedAnswers(endpoint: Endpoint, split: Split, asked: Asked): Promise<Float64Array> {
  const { version, imageSize, classes, onProgress } = asked;
  const bytes = imageSize[0] * imageSize[1] * imageSize[2];
  const size = batchSize(bytes, classes);
  const batches = Array.from({ length: Math.ceil(split.count / size) }, (_, batch) => {
    const from = batch * size;
    return { from, to: Math.min(split.count, from + size) };
  });
  const probabilities = new Float64Array(split.count * classes);
  const answers = mapInOrder(batches, PARALLEL, async ({ from, to }) => {
    const data = [...split.images.subarray(from * bytes, to * bytes)];
    const input = { name: 'images', datatype: 'UINT8' as const, shape: [to - from, ...imageSize], data };
    const params = { path: { model: 'cifar10', version } };
    const infer = (client: EndpointClient, signal: AbortSignal) =>
      client.POST('/v2/models/{model}/versions/{version}/infer', { params, body: { inputs: [input] }, signal });
    return await postWithRetries(endpoint, infer, InferAnswer);
  });
  for await (const [{ from, to }, answer] of answers) {
    const { data = [] } = answer.outputs[0] ?? {};
    if (answer.model_version !== version || data.length !== (to - from) * classes) {
      throw new UserError(
        `${endpoint.url} answers ${data.length} probabilities of ${answer.model_version}; ` +
          `${(to - from) * classes} of ${version} were asked for.`,
      );
    }
    for (const [at, value] of data.entries()) probabilities[from * classes + at] = Number(value);
    onProgress(to);
  }
  return probabilities;
}

/** Images of a request: a byte of a pixel takes up to four in JSON, with its comma, and some of the body is not pixels. */
function batchSize(bytesOfAnImage: number, classes: number): number {
  const fitting = Math.min((MAX_BODY - 1000) / (4 * bytesOfAnImage), MAX_VALUES / classes);
  return Math.max(1, Math.min(MAX_IMAGES, Math.floor(fitting)));
}
