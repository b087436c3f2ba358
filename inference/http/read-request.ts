import * as z from 'zod/mini';
import type { RequestContext } from './context.ts';
import { RequestError } from './problem.ts';
import { choice, count, Flag, flag, query } from './query.ts';
import { checkBody, parseJson, readBody } from './read-body.ts';

/** At most so many pictures in one request. */
export const MAX_IMAGES = 64;

/** What a client may choose for each picture. */
export interface ClassifyOptions {
  /** How many classes to name; at most all. @default 5 */
  readonly topK?: number | undefined;
  /** Refuse pictures of another size than the model's, instead of cropping and scaling them. @default false */
  readonly strict?: boolean | undefined;
  /** Say which parts of the picture speak for the answer; of one picture only. @default no */
  readonly explain?: 'occlusion' | undefined;
}

/** What a request asks for, in whichever dialect it came. */
export interface ClassifyRequest {
  /** In their order; an error where one cannot be taken out of the body. */
  readonly images: readonly (Uint8Array | Error)[];
  /** The dialect has a form for one picture and a form for several; this is the first. */
  readonly isSingle: boolean;
  /** A version or an alias. */
  readonly version: string | undefined;
  readonly options: ClassifyOptions;
}

const STRICT = 'Refuse pictures of another size than the model takes, instead of scaling them.';

/** Asked for in Hugging Face's `parameters`. */
const parameters = {
  top_k: z.optional(z.int().check(z.positive(), z.describe('How many classes to name, from the best.'))),
  strict: z.optional(z.boolean().check(z.describe(STRICT))),
  version: z.optional(z.string().check(z.describe("A version's id or an alias, instead of the one that is served."))),
  explain: z.optional(
    z
      .literal('occlusion')
      .check(z.describe('Say which parts of the picture speak for the answer; of one picture only.')),
  ),
};

/** The same in the address. */
export const queryParameters = {
  ...parameters,
  strict: z.optional(Flag.check(z.describe(`${STRICT} The name alone means 1.`))),
};

const base64 = z
  .string()
  .check(
    z.describe('A picture in Base64, with or without `data:image/…;base64,` before it; URL-safe digits are taken too.'),
  );

export const HuggingFaceRequest = z
  .object({
    inputs: z.union([base64, z.array(base64).check(z.minLength(1), z.maxLength(MAX_IMAGES))], {
      error: `must be a picture in Base64, or a list of 1 to ${MAX_IMAGES}`,
    }),
    parameters: z.optional(z.object({ ...parameters, function_to_apply: z.optional(z.literal('softmax')) })),
  })
  .check(z.describe("As Hugging Face's image classification takes it."));

export const TensorFlowServingRequest = z
  .object({
    instances: z.array(z.object({ b64: base64 })).check(z.minLength(1), z.maxLength(MAX_IMAGES)),
    signature_name: z.optional(z.string()),
  })
  .check(z.describe("As TensorFlow Serving's REST interface takes it."));

/** @throws {RequestError} the body or a parameter cannot be understood */
export async function readClassifyRequest(context: RequestContext): Promise<ClassifyRequest> {
  const fromQuery: Parameters = {
    top_k: count(context, 'top_k'),
    strict: flag(context, 'strict'),
    version: query(context, 'version'),
    explain: choice(context, 'explain', ['occlusion']),
  };
  const body = await readBody(context);
  const type = context.req.header('content-type') ?? '';
  const { images, isSingle, given = {} } = await readImages(type, body);
  const { top_k: topK, strict, version, explain } = { ...given, ...defined(fromQuery) };
  return { images, isSingle, version, options: { topK, strict, explain } };
}

type Parameters = { [Name in keyof typeof parameters]?: z.infer<(typeof parameters)[Name]> | undefined };

interface Images extends Pick<ClassifyRequest, 'images' | 'isSingle'> {
  readonly given?: Parameters | undefined;
}

/** The type says only whether pictures are packed; what a picture is, its own bytes say. */
async function readImages(contentType: string, body: Uint8Array<ArrayBuffer>): Promise<Images> {
  if (/^application\/([\w.+-]+\+)?json\b/i.test(contentType)) return imagesOfJson(body);
  if (/^multipart\/form-data\b/i.test(contentType)) return imagesOfForm(contentType, body);
  return { images: [body], isSingle: true };
}

function imagesOfJson(body: Uint8Array): Images {
  const value = parseJson(body);
  const members = typeof value === 'object' && value !== null ? value : {};
  if ('instances' in members) {
    const { instances } = checkBody(TensorFlowServingRequest, value);
    return { images: instances.map(({ b64 }) => decodeBase64(b64)), isSingle: false };
  }
  if (!('inputs' in members)) {
    throw new RequestError(
      'bad-body',
      'The body has neither "inputs" (pictures in Base64) nor "instances" ([{"b64": …}]).',
    );
  }
  const { inputs, parameters: given } = checkBody(HuggingFaceRequest, value);
  if (typeof inputs !== 'string') return { images: inputs.map(decodeBase64), isSingle: false, given };
  return { images: [decodeBase64(inputs)], isSingle: true, given };
}

/** The error is returned: of several pictures one fails alone. */
function decodeBase64(text: string): Uint8Array | Error {
  const digits = text.replace(/^data:[^,]{0,100};base64,/, '').replace(/\s/g, '');
  if (!/^[\w+/-]*={0,2}$/.test(digits)) return new RequestError('bad-body', 'The picture is not encoded in Base64.');
  return Buffer.from(digits, 'base64');
}

async function imagesOfForm(contentType: string, body: Uint8Array<ArrayBuffer>): Promise<Images> {
  let form: FormData;
  try {
    form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
  } catch (error) {
    throw new RequestError('bad-body', `The form cannot be read (${error instanceof Error ? error.message : error}).`);
  }
  const parts = form.getAll('image');
  if (parts.length === 0) {
    const names = [...new Set(form.keys())].map((name) => JSON.stringify(name)).join(', ');
    throw new RequestError('bad-body', `The form has no part "image"${names && `; it has ${names}`}.`);
  }
  if (parts.length > MAX_IMAGES) {
    throw new RequestError('bad-body', `The form has ${parts.length} pictures; at most ${MAX_IMAGES} are taken.`);
  }
  const images = await Promise.all(
    parts.map(async (part) =>
      typeof part === 'string'
        ? new RequestError('bad-body', 'The part "image" is text. Send it as a file: curl -F image=@picture.png')
        : new Uint8Array(await part.arrayBuffer()),
    ),
  );
  return { images, isSingle: images.length === 1 };
}

function defined(values: Parameters): Parameters {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
