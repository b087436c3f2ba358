import * as z from 'zod/mini';
import type { App, RequestContext } from '../http/context.ts';
import { type Operation, route } from '../http/operation.ts';
import { type ProblemCode, RequestError } from '../http/problem.ts';
import { checkBody, parseJson, readBody } from '../http/read-body.ts';
import type { LiveModels, ServedModel } from '../serving/live-models.ts';
import { roundMilliseconds } from '../telemetry/timing.ts';
import { MAX_IMAGES } from './classify-request.ts';
import { modelProblems } from './model.ts';

/** The version in `package.json`. */
export const SERVER_VERSION = '0.1.0';

/** The name of the server, by which the served model can always be addressed. */
const SERVER = 'cifar10';
/** Values of an answer: at 15 bytes each they fit in the 6 MB of a Lambda's answer, and those with a class's name do as well. */
export const MAX_VALUES = 300_000;

const INPUT = 'images';
const OUTPUT = 'probabilities';
/** Which images are like none of the classes; only of a model that can tell. */
const UNFAMILIAR = 'unfamiliar';

// Clients in Python send null for what is not given.
const anyParameters = z.nullish(z.record(z.string(), z.unknown()));

export const InferRequest = z.object({
  id: z.nullish(z.string()),
  parameters: anyParameters,
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.int().check(z.nonnegative())),
        datatype: z.string(),
        parameters: anyParameters,
        data: z.array(z.unknown()).check(z.describe('Integers from 0 to 255, flat or nested like the shape.')),
      }),
    )
    .check(z.length(1)),
  outputs: z.nullish(
    z
      .array(
        z.object({
          name: z.string(),
          parameters: z.nullish(
            z.object({
              classification: z.nullish(
                z
                  .int()
                  .check(
                    z.positive(),
                    z.describe('Of `probabilities`: return this many classes, best first, as `score:index:label`.'),
                  ),
              ),
            }),
          ),
        }),
      )
      .check(z.minLength(1), z.maxLength(2)),
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
      datatype: z.enum(['FP32', 'BYTES', 'BOOL']),
      data: z.union([z.array(z.number()), z.array(z.string()), z.array(z.boolean())]),
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

const ServerLive = z.object({ live: z.literal(true) });
const ServerReady = z.object({ ready: z.literal(true) });
const ModelReady = z.object({ name: z.string(), ready: z.literal(true) });
export const ServerMetadata = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });

const group = 'Open Inference Protocol';

const getServerMetadata: Operation = {
  ...{ method: 'get', path: '/v2', id: 'getServerMetadata', group },
  summary: 'Get the metadata of the server',
  answer: { 'application/json': ServerMetadata },
  problems: [],
};

const getServerLive: Operation = {
  ...{ method: 'get', path: '/v2/health/live', id: 'getServerLive', group },
  summary: 'Check that the server runs',
  answer: { 'application/json': ServerLive },
  problems: [],
};

const getServerReady: Operation = {
  ...{ method: 'get', path: '/v2/health/ready', id: 'getServerReady', group },
  summary: 'Check that the server can answer',
  answer: { 'application/json': ServerReady },
  problems: modelProblems,
};

/** The operations of the served model, and those of a version. */
const ofModel = [
  describeModel('/v2/models/{model}', '', 'the served model'),
  describeModel('/v2/models/{model}/versions/{version}', 'Version', 'a version'),
];

/** @param suffix of the operations' IDs */
function describeModel(path: string, suffix: string, which: string) {
  const problems: ProblemCode[] = ['unknown-model', 'unknown-version', ...modelProblems];
  return {
    infer: {
      ...{ method: 'post', path: `${path}/infer`, id: `infer${suffix}`, group },
      summary: `Run ${which}`,
      details:
        'The input `images`, UINT8 `[n, height, width, 3]`, yields `probabilities`, FP32 `[n, classes]`, and, of a model ' +
        'that can tell, `unfamiliar`, BOOL `[n]`: whether an image is like none of the classes. The metadata has the ' +
        'outputs and the numbers of the model. ' +
        `The name of a model is that of its card, and \`${SERVER}\` is always the served one, whatever its classes.`,
      body: { 'application/json': InferRequest },
      answer: { 'application/json': InferAnswer },
      problems: ['bad-body', 'body-too-large', 'unsupported-encoding', ...problems],
    },
    getMetadata: {
      ...{ method: 'get', path, id: `getModelMetadata${suffix}`, group },
      summary: `Get the metadata of ${which}`,
      answer: { 'application/json': ModelMetadata },
      problems,
    },
    getReady: {
      ...{ method: 'get', path: `${path}/ready`, id: `getModelReady${suffix}`, group },
      summary: `Check that ${which} can answer`,
      answer: { 'application/json': ModelReady },
      problems,
    },
  } satisfies Record<string, Operation>;
}

export const openInferenceOperations: readonly Operation[] = [
  ...ofModel.flatMap((operations) => Object.values(operations)),
  ...[getServerMetadata, getServerLive, getServerReady],
];

/**
 * The Open Inference Protocol, version 2, as KServe and Triton implement it: raw pixels in, probabilities out.
 *
 * @see https://github.com/kserve/open-inference-protocol
 * @see https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
 */
export function openInferenceRoutes(app: App, models: LiveModels): void {
  route(app, getServerMetadata, (context) =>
    context.json({ name: SERVER, version: SERVER_VERSION, extensions: ['classification'] } satisfies z.infer<
      typeof ServerMetadata
    >),
  );
  route(app, getServerLive, (context) => context.json({ live: true }));
  route(app, getServerReady, (context) => models.use(undefined, () => context.json({ ready: true })));

  for (const { infer, getMetadata, getReady } of ofModel) {
    route(app, getMetadata, (context) =>
      withModel(context, models, (model, name) => context.json(metadataOf(model, name))),
    );
    route(app, getReady, (context) => withModel(context, models, (_, name) => context.json({ name, ready: true })));
    route(app, infer, async (context) => {
      const request = checkBody(InferRequest, parseJson(await readBody(context)));
      return withModel(context, models, (model, name) => {
        const { answer, facts } = runInference(request, model, name);
        Object.assign(context.get('facts'), facts);
        return context.json(answer);
      });
    });
  }
}

/** @param work is given the name that the request calls the model by */
function withModel(
  context: RequestContext,
  models: LiveModels,
  work: (model: ServedModel, name: string) => Response,
): Promise<Response> {
  const name = context.req.param('model') ?? '';
  return models.use(context.req.param('version'), (model) => {
    const names = [...new Set([SERVER, model.card.name])];
    if (names.includes(name)) return work(model, name);
    const known = names.map((each) => `"${each}"`).join(' or ');
    throw new RequestError('unknown-model', `There is no model "${name}"; this one is ${known}.`);
  });
}

function metadataOf({ version, card }: ServedModel, name: string): z.infer<typeof ModelMetadata> {
  const { height, width, channels } = card.input;
  return {
    name,
    versions: [version],
    platform: 'tensorflowjs_layersmodel',
    inputs: [{ name: INPUT, datatype: 'UINT8', shape: [-1, height, width, channels] }],
    outputs: [
      { name: OUTPUT, datatype: 'FP32', shape: [-1, card.classes.length] },
      ...(canTell(card) ? [{ name: UNFAMILIAR, datatype: 'BOOL', shape: [-1] }] : []),
    ],
  };
}

function canTell({ unfamiliar }: ServedModel['card']): boolean {
  return unfamiliar !== undefined;
}

/** @returns the answer, and facts for the log */
function runInference(
  { id, inputs, outputs }: z.infer<typeof InferRequest>,
  model: ServedModel,
  modelName: string,
): { readonly answer: InferAnswer; readonly facts: object } {
  const { classes } = model.card;
  const wanted = wantedOutputs(outputs, model);
  const pixels = pixelsOf(inputs[0]!, model); // [N, height, width, channels]
  const each = wanted.map(({ name, classification = classes.length }) => (name === OUTPUT ? classification : 1));
  checkAnswerSize(
    inputs[0]!.shape[0]!,
    each.reduce((sum, values) => sum + values, 0),
  );
  const started = performance.now();
  const { probabilities, unfamiliar } = model.answer(pixels); // [N, classes], [N]
  const timing = { predict: roundMilliseconds(performance.now() - started) };
  const imageCount = probabilities.length / classes.length;
  const outputOf = ({ name, classification }: WantedOutput): InferAnswer['outputs'][number] => {
    if (name === UNFAMILIAR) return { name, shape: [imageCount], datatype: 'BOOL', data: [...unfamiliar!] };
    if (classification === undefined) {
      const shape = [imageCount, classes.length];
      return { name, shape, datatype: 'FP32', data: Array.from(probabilities, toShortest) };
    }
    const data = topClasses(probabilities, classification, classes);
    return { name, shape: [imageCount, classification], datatype: 'BYTES', data };
  };
  const answer: InferAnswer = {
    model_name: modelName,
    model_version: model.version,
    ...(typeof id === 'string' ? { id } : {}),
    outputs: wanted.map(outputOf),
  };
  const facts = { version: model.version, images: imageCount, ...topClassFacts(probabilities, model) };
  return { answer, facts: { ...facts, ...(unfamiliar && { unfamiliar }), timing } };
}

interface WantedOutput {
  readonly name: string;
  readonly classification?: number;
}

/**
 * The outputs that a request asks for, in its order; all of the model where it names none.
 *
 * @throws {RequestError} the model has no such output, or not so many classes, or an output is asked for twice
 */
function wantedOutputs(outputs: z.infer<typeof InferRequest>['outputs'], { card }: ServedModel): WantedOutput[] {
  const names = canTell(card) ? [OUTPUT, UNFAMILIAR] : [OUTPUT];
  const wanted = (outputs ?? names.map((name) => ({ name, parameters: undefined }))).map(({ name, parameters }) => {
    const classification = parameters?.classification ?? undefined;
    return { name, ...(classification !== undefined && { classification }) };
  });
  for (const [index, { name, classification }] of wanted.entries()) {
    if (!names.includes(name)) {
      const known = names.map((each) => `"${each}"`).join(' and ');
      throw new RequestError('bad-body', `There is no output "${name}", only ${known}.`);
    }
    if (wanted.findIndex((each) => each.name === name) !== index) {
      throw new RequestError('bad-body', `The output "${name}" is asked for twice.`);
    }
    if (classification === undefined) continue;
    if (name !== OUTPUT) {
      throw new RequestError('bad-body', `classification is a parameter of "${OUTPUT}", and not of "${name}".`);
    }
    if (classification > card.classes.length) {
      throw new RequestError(
        'bad-body',
        `classification is ${classification}, but the model has only ${card.classes.length} classes.`,
      );
    }
  }
  return wanted;
}

/** @throws {RequestError} the answer would be larger than Lambda can send */
function checkAnswerSize(images: number, each: number): void {
  if (images * each <= MAX_VALUES) return;
  throw new RequestError(
    'bad-body',
    `The answer would have ${images * each} values, ${each} for each of ${images} images; the limit is ${MAX_VALUES}. ` +
      'Send fewer images in a request, or ask for fewer classes with "classification".',
  );
}

/** The most probable class of each image, for the log. */
function topClassFacts(probabilities: Float32Array, { card }: ServedModel) {
  const { classes, uncertainBelow } = card;
  const score: number[] = [];
  const label: string[] = [];
  for (let start = 0; start < probabilities.length; start += classes.length) {
    const ofImage = probabilities.subarray(start, start + classes.length);
    const highest = Math.max(...ofImage);
    score.push(toShortest(highest));
    label.push(classes[ofImage.indexOf(highest)]!);
  }
  return { label, score, uncertain: score.map((each) => each < uncertainBelow) };
}

function pixelsOf(input: z.infer<typeof InferRequest>['inputs'][number], { card }: ServedModel): Uint8Array {
  const { name, datatype, shape, data } = input;
  const { height, width, channels } = card.input;
  const expected = `[n, ${height}, ${width}, ${channels}]`;
  if (name !== INPUT) throw new RequestError('bad-body', `There is no input "${name}", only "${INPUT}".`);
  if (datatype !== 'UINT8') throw new RequestError('bad-body', `The input has datatype ${datatype}; it must be UINT8.`);
  const [imageCount = 0, ...imageShape] = shape;
  if (imageShape.join() !== [height, width, channels].join() || imageCount < 1 || imageCount > MAX_IMAGES) {
    throw new RequestError(
      'bad-body',
      `The input has shape [${shape.join(', ')}]; it must be ${expected} with n from 1 to ${MAX_IMAGES}.`,
    );
  }
  const values = data.flat(3);
  const pixels = new Uint8Array(imageCount * height * width * channels);
  if (values.length !== pixels.length) {
    throw new RequestError('bad-body', `The input has ${values.length} values; its shape needs ${pixels.length}.`);
  }
  values.forEach((value, index) => {
    pixels[index] = value as number;
    // Values that do not fit a byte change when they are stored: 256, 0.5, "7".
    if (pixels[index] !== value) throw new RequestError('bad-body', `Value ${index} is not an integer from 0 to 255.`);
  });
  return pixels;
}

/** Rounds to nine digits, which identify a single-precision number. */
function toShortest(value: number): number {
  return Number(value.toPrecision(9));
}

/** The most probable classes of each image as `score:index:label`, best first. */
function topClasses(probabilities: Float32Array, count: number, classes: readonly string[]): string[] {
  const entries: string[] = [];
  for (let start = 0; start < probabilities.length; start += classes.length) {
    const ranked = classes
      .map((label, index) => ({ label, index, score: probabilities[start + index]! }))
      .sort((a, b) => b.score - a.score);
    entries.push(...ranked.slice(0, count).map(({ score, index, label }) => `${toShortest(score)}:${index}:${label}`));
  }
  return entries;
}
