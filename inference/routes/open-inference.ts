import * as z from 'zod/mini';
import type { App, RequestContext } from '../http/context.ts';
import { RequestError } from '../http/problem.ts';
import { checkBody, parseJson, readBody } from '../http/read-body.ts';
import { MAX_IMAGES } from '../http/read-request.ts';
import type { LiveModels, ServedModel } from '../serving/live-models.ts';
import { round } from '../telemetry/timing.ts';

/** As in `package.json`. */
export const SERVER_VERSION = '0.1.0';

const MODEL = 'cifar10';
const INPUT = 'images';
const OUTPUT = 'probabilities';

const others = z.optional(z.record(z.string(), z.unknown()));

export const InferRequest = z.object({
  id: z.optional(z.string()),
  parameters: others,
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.int().check(z.nonnegative())),
        datatype: z.string(),
        parameters: others,
        data: z.array(z.unknown()).check(z.describe('Whole numbers from 0 to 255, flat or nested as the shape.')),
      }),
    )
    .check(z.length(1)),
  outputs: z.optional(
    z
      .array(
        z.object({
          name: z.string(),
          parameters: z.optional(
            z.object({
              classification: z.optional(
                z
                  .int()
                  .check(z.positive(), z.describe('Name that many classes, the best first, as `score:index:label`.')),
              ),
            }),
          ),
        }),
      )
      .check(z.length(1)),
  ),
});

export const InferAnswer = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.optional(z.string()),
  outputs: z.array(
    z.object({
      name: z.string(),
      shape: z.array(z.int()),
      datatype: z.enum(['FP32', 'BYTES']),
      data: z.union([z.array(z.number()), z.array(z.string())]),
    }),
  ),
});
export type InferAnswer = z.infer<typeof InferAnswer>;

const tensor = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) });

export const ModelMetadata = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensor),
  outputs: z.array(tensor),
});

export const ServerLive = z.object({ live: z.literal(true) });
export const ServerReady = z.object({ ready: z.literal(true) });
export const ModelReady = z.object({ name: z.string(), ready: z.literal(true) });
export const ServerMetadata = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });

/**
 * The Open Inference Protocol, version 2, which KServe and Triton speak: raw pictures in, probabilities out.
 *
 * @see https://github.com/kserve/open-inference-protocol
 * @see https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
 */
export function openInferenceRoutes(app: App, models: LiveModels): void {
  app.get('/v2', (context) =>
    context.json({ name: MODEL, version: SERVER_VERSION, extensions: ['classification'] } satisfies z.infer<
      typeof ServerMetadata
    >),
  );
  app.get('/v2/health/live', (context) => context.json({ live: true }));
  app.get('/v2/health/ready', (context) => models.use(undefined, () => context.json({ ready: true })));

  for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    app.get(path, (context) => withModel(context, models, (model) => context.json(metadataOf(model))));
    app.get(`${path}/ready`, (context) => withModel(context, models, () => context.json({ name: MODEL, ready: true })));
    app.post(`${path}/infer`, async (context) => {
      const request = checkBody(InferRequest, parseJson(await readBody(context)));
      return withModel(context, models, (model) => {
        const { answer, facts } = infer(request, model);
        Object.assign(context.get('facts'), facts);
        return context.json(answer);
      });
    });
  }
}

function withModel(
  context: RequestContext,
  models: LiveModels,
  work: (model: ServedModel) => Response,
): Promise<Response> {
  const name = context.req.param('model');
  if (name !== MODEL) throw new RequestError('unknown-model', `There is no model "${name}" here, only "${MODEL}".`);
  return models.use(context.req.param('version'), work);
}

function metadataOf({ version, card }: ServedModel): z.infer<typeof ModelMetadata> {
  const { height, width, channels } = card.input;
  return {
    name: MODEL,
    versions: [version],
    platform: 'tensorflowjs_layersmodel',
    inputs: [{ name: INPUT, datatype: 'UINT8', shape: [-1, height, width, channels] }],
    outputs: [{ name: OUTPUT, datatype: 'FP32', shape: [-1, card.classes.length] }],
  };
}

/** @returns the answer, and what the log says of it */
function infer(
  { id, inputs, outputs }: z.infer<typeof InferRequest>,
  model: ServedModel,
): { readonly answer: InferAnswer; readonly facts: object } {
  const { classes } = model.card;
  const { name = OUTPUT, parameters: { classification } = {} } = outputs?.[0] ?? {};
  if (name !== OUTPUT) throw new RequestError('bad-body', `There is no output "${name}", only "${OUTPUT}".`);
  if (classification !== undefined && classification > classes.length) {
    throw new RequestError(
      'bad-body',
      `classification is ${classification}, and the model knows ${classes.length} classes.`,
    );
  }
  const pixels = pixelsOf(inputs[0]!, model); // [N, height, width, channels]
  const started = performance.now();
  const probabilities = model.classify(pixels); // [N, classes]
  const timing = { predict: round(performance.now() - started) };
  const images = probabilities.length / classes.length;
  const answer: InferAnswer = {
    model_name: MODEL,
    model_version: model.version,
    ...(id === undefined ? {} : { id }),
    outputs: [
      classification === undefined
        ? { name, shape: [images, classes.length], datatype: 'FP32', data: Array.from(probabilities, shortest) }
        : {
            name,
            shape: [images, classification],
            datatype: 'BYTES',
            data: best(probabilities, classification, classes),
          },
    ],
  };
  return { answer, facts: { version: model.version, images, ...likeliest(probabilities, model), timing } };
}

/** Of each image the likeliest class, for the log. */
function likeliest(probabilities: Float32Array, { card }: ServedModel) {
  const { classes, uncertainBelow } = card;
  const score: number[] = [];
  const label: string[] = [];
  for (let start = 0; start < probabilities.length; start += classes.length) {
    const ofImage = probabilities.subarray(start, start + classes.length);
    const highest = Math.max(...ofImage);
    score.push(shortest(highest));
    label.push(classes[ofImage.indexOf(highest)]!);
  }
  return { label, score, uncertain: score.map((each) => each < uncertainBelow) };
}

function pixelsOf(input: z.infer<typeof InferRequest>['inputs'][number], { card }: ServedModel): Uint8Array {
  const { name, datatype, shape, data } = input;
  const { height, width, channels } = card.input;
  const wanted = `[n, ${height}, ${width}, ${channels}]`;
  if (name !== INPUT) throw new RequestError('bad-body', `There is no input "${name}", only "${INPUT}".`);
  if (datatype !== 'UINT8') throw new RequestError('bad-body', `The input has datatype ${datatype}; it must be UINT8.`);
  const [images = 0, ...size] = shape;
  if (size.join() !== [height, width, channels].join() || images < 1 || images > MAX_IMAGES) {
    throw new RequestError(
      'bad-body',
      `The input has shape [${shape.join(', ')}]; it must be ${wanted}, n from 1 to ${MAX_IMAGES}.`,
    );
  }
  const values = data.flat(3);
  const pixels = new Uint8Array(images * height * width * channels);
  if (values.length !== pixels.length) {
    throw new RequestError('bad-body', `The input has ${values.length} values; its shape needs ${pixels.length}.`);
  }
  values.forEach((value, index) => {
    pixels[index] = value as number;
    // What a byte cannot hold is not what was sent: 256, 0.5, "7".
    if (pixels[index] !== value) throw new RequestError('bad-body', `Value ${index} is no whole number from 0 to 255.`);
  });
  return pixels;
}

/** As few digits as give the same single-precision number again. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}

/** `score:index:label`, the best first, for each image. */
function best(probabilities: Float32Array, count: number, classes: readonly string[]): string[] {
  const entries: string[] = [];
  for (let start = 0; start < probabilities.length; start += classes.length) {
    const ranked = classes
      .map((label, index) => ({ label, index, score: probabilities[start + index]! }))
      .sort((a, b) => b.score - a.score);
    entries.push(...ranked.slice(0, count).map(({ score, index, label }) => `${shortest(score)}:${index}:${label}`));
  }
  return entries;
}
