import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import { IMAGE_LIMITS } from '#images/decode-image.ts';
import { BatchAnswer, ClassifyAnswer } from '../http/answers.ts';
import type { App, RequestContext } from '../http/context.ts';
import { type Operation, route } from '../http/operation.ts';
import { type ProblemCode, problemOf } from '../http/problem.ts';
import { MAX_BODY } from '../http/read-body.ts';
import type { LiveModels } from '../serving/live-models.ts';
import { roundMilliseconds } from '../telemetry/timing.ts';
import { classifyFiles } from './classify-files.ts';
import { MAX_MEGAPIXELS, MAX_PREDICTIONS } from './classify-images.ts';
import {
  type ClassifyRequest,
  HuggingFaceRequest,
  MAX_IMAGES,
  queryParameters,
  readClassifyRequest,
  TensorFlowServingRequest,
} from './classify-request.ts';
import { modelProblems, nameOf } from './model.ts';

const form = z.object({
  image: z
    .array(z.file())
    .check(z.minLength(1), z.maxLength(MAX_IMAGES), z.describe('One or more parts of this name, each an image file.')),
});

const body: Operation['body'] = {
  'image/png': 'binary',
  'image/jpeg': 'binary',
  'image/webp': 'binary',
  'application/octet-stream': 'binary',
  'multipart/form-data': form,
  'application/json': z.union([HuggingFaceRequest, TensorFlowServingRequest]),
};

const problems: ProblemCode[] = [
  ...(['bad-parameter', 'bad-body', 'corrupt-image', 'unknown-version', 'body-too-large', 'image-too-large'] as const),
  ...(['unsupported-image', 'unsupported-encoding', 'wrong-size'] as const),
  ...modelProblems,
];

/** A single image is answered by one answer, anything else by a list. */
const classify: Operation = {
  ...{ method: 'post', path: '/classify', id: 'classify', group: 'Classify' },
  summary: 'Classify an image',
  details:
    `PNG, JPEG or WebP of at most ${IMAGE_LIMITS.pixels / 1e6} megapixels, or raw RGB of the model's size. A body has at most ` +
    `${MAX_BODY / 1e6} MB, whether it is an image, a form or JSON. The type is detected from the ` +
    'bytes; the declared type is ignored. Images of other sizes are fitted to the model: cropped to its aspect ratio, or ' +
    "padded or stretched if its card's `input.fit` says so, and scaled by area. Several images (form parts, a list of " +
    `\`inputs\`, \`instances\`) are answered by a list; together they may have at most ${MAX_MEGAPIXELS} megapixels, and the ` +
    `answer at most ${MAX_PREDICTIONS} predictions.`,
  examples: [
    'curl --data-binary @picture.png "$URL/classify"',
    'curl -H "x-api-key: $KEY" --data-binary @picture.png "$URL/classify?top_k=3"',
    'curl -F image=@one.png -F image=@two.jpg "$URL/classify"',
    `curl -H 'content-type: application/json' -d "{\\"inputs\\": \\"$(base64 < picture.png | tr -d '\\n')\\"}" "$URL/classify"`,
  ],
  ...{ query: queryParameters, body, problems },
  answer: { 'application/json': z.union([ClassifyAnswer, BatchAnswer]) },
};

const classifyBatch: Operation = {
  ...{ method: 'post', path: '/classify/batch', id: 'classifyBatch', group: 'Classify' },
  summary: `Classify up to ${MAX_IMAGES} images`,
  details: 'Like `/classify`, but always answers with a list. An image that cannot be read does not fail the others.',
  ...{ query: queryParameters, body, problems },
  answer: { 'application/json': BatchAnswer },
};

export const classifyOperations: readonly Operation[] = [classify, classifyBatch];

export function classifyRoutes(app: App, models: LiveModels): void {
  route(app, classify, async (context) => {
    const request = await readClassifyRequest(context);
    return answer(context, models, request, request.isSingle);
  });
  route(app, classifyBatch, async (context) => answer(context, models, await readClassifyRequest(context), false));
}

async function answer(
  context: RequestContext,
  models: LiveModels,
  { files, version, options }: ClassifyRequest,
  isSingle: boolean,
): Promise<Response> {
  const requestId = context.get('requestId');
  const answer = await models.use(version, async (model): Promise<ClassifyAnswer | BatchAnswer> => {
    const { results, timing } = await classifyFiles(files, model, options);
    const envelope = () => ({
      model: nameOf(model),
      timing_ms: {
        decode: roundMilliseconds(timing.decode),
        predict: roundMilliseconds(timing.predict),
        total: roundMilliseconds(performance.now() - context.get('started')),
      },
      request_id: requestId,
    });
    // In a list, one image may fail while the request succeeds; an internal error must still reach the log.
    const internal = results.find((result) => result instanceof Error && !(result instanceof UserError));
    if (internal) Object.assign(context.get('facts'), { error: internal });
    if (!isSingle) {
      const described = results.map((result) =>
        result instanceof Error ? { error: problemOf(result, requestId) } : result,
      );
      return { results: described, ...envelope() };
    }
    const [result] = results;
    if (result instanceof Error) throw result;
    return { ...result!, ...envelope() };
  });
  Object.assign(context.get('facts'), factsOf(answer));
  return context.json(answer);
}

/** What the log line of the request holds. */
function factsOf(answer: ClassifyAnswer | BatchAnswer): object {
  const { model, timing_ms: timing } = answer;
  if (!('results' in answer)) {
    const { label, score, uncertain, unfamiliar } = answer;
    return { version: model.version, label, score, uncertain, ...(unfamiliar !== undefined && { unfamiliar }), timing };
  }
  const failed = answer.results.filter((result) => 'error' in result).length;
  return { version: model.version, images: answer.results.length, failed, timing };
}
