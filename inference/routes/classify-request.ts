import * as z from 'zod/mini';
import type { RequestContext } from '../http/context.ts';
import { RequestError } from '../http/problem.ts';
import { choice, count, Flag, flag, query } from '../http/query.ts';
import { checkBody, parseJson, readBody } from '../http/read-body.ts';

/** Largest number of images in one request. */
export const MAX_IMAGES = 64;

export interface ClassifyOptions {
  /** Number of classes to return; at most all. @default 5 */
  readonly topK?: number | undefined;
  /** Refuse images of another size than the model's, instead of cropping and scaling them. @default false */
  readonly strict?: boolean | undefined;
  /** Return which parts of the image support the answer; for a single image only. @default no */
  readonly explain?: 'occlusion' | undefined;
}

/** A request to classify images, in whichever format it came. */
export interface ClassifyRequest {
  /** Image files, in the order sent; an error for a file that cannot be read from the body. */
  readonly files: readonly (Uint8Array | Error)[];
  /** Whether the format is the one for a single image, as opposed to a list. */
  readonly isSingle: boolean;
  /** A version's ID or an alias. */
  readonly version: string | undefined;
  readonly options: ClassifyOptions;
}

const STRICT = "Refuse images of another size than the model's, instead of cropping and scaling them.";

/** The members of Hugging Face's `parameters`. */
const parameters = {
  top_k: z.optional(z.int().check(z.positive(), z.describe('Number of classes to return, best first.'))),
  strict: z.optional(z.boolean().check(z.describe(STRICT))),
  version: z.optional(z.string().check(z.describe("A version's ID or an alias, instead of the served one."))),
  explain: z.optional(
    z.literal('occlusion').check(z.describe('Return which parts of the image support the answer. One image only.')),
  ),
};

/** The same parameters in a query string. */
export const queryParameters = {
  ...parameters,
  strict: z.optional(Flag.check(z.describe(`${STRICT} The name alone means 1.`))),
};

const base64 = z
  .string()
  .check(z.describe('An image in Base64 or base64url, with or without a `data:image/…;base64,` prefix.'));

export const HuggingFaceRequest = z
  .object({
    inputs: z.union([base64, z.array(base64).check(z.minLength(1), z.maxLength(MAX_IMAGES))], {
      error: `must be an image in Base64, or a list of 1 to ${MAX_IMAGES}`,
    }),
    parameters: z.optional(z.object({ ...parameters, function_to_apply: z.optional(z.literal('softmax')) })),
  })
  .check(z.describe("The format of Hugging Face's image classification."));

export const TensorFlowServingRequest = z
  .object({
    instances: z.array(z.object({ b64: base64 })).check(z.minLength(1), z.maxLength(MAX_IMAGES)),
    signature_name: z.optional(z.string()),
  })
  .check(z.describe("The format of TensorFlow Serving's REST API."));

/** @throws {RequestError} the body or a parameter is invalid */
export async function readClassifyRequest(context: RequestContext): Promise<ClassifyRequest> {
  const fromQuery: Parameters = {
    top_k: count(context, 'top_k'),
    strict: flag(context, 'strict'),
    version: query(context, 'version'),
    explain: choice(context, 'explain', ['occlusion']),
  };
  const body = await readBody(context);
  const type = context.req.header('content-type') ?? '';
  const { files, isSingle, given = {} } = await readFiles(type, body);
  const { top_k: topK, strict, version, explain } = { ...given, ...defined(fromQuery) };
  return { files, isSingle, version, options: { topK, strict, explain } };
}

type Parameters = { [Name in keyof typeof parameters]?: z.infer<(typeof parameters)[Name]> | undefined };

interface BodyContent extends Pick<ClassifyRequest, 'files' | 'isSingle'> {
  readonly given?: Parameters | undefined;
}

/** The content type only tells JSON, forms and plain files apart; an image's type is detected from its bytes. */
async function readFiles(contentType: string, body: Uint8Array<ArrayBuffer>): Promise<BodyContent> {
  if (/^application\/([\w.+-]+\+)?json\b/i.test(contentType)) return readJson(body);
  if (/^multipart\/form-data\b/i.test(contentType)) return readForm(contentType, body);
  return { files: [body], isSingle: true };
}

function readJson(body: Uint8Array): BodyContent {
  const value = parseJson(body);
  const members = typeof value === 'object' && value !== null ? value : {};
  if ('instances' in members) {
    const { instances } = checkBody(TensorFlowServingRequest, value);
    return { files: instances.map(({ b64 }) => decodeBase64(b64)), isSingle: false };
  }
  if (!('inputs' in members)) {
    throw new RequestError(
      'bad-body',
      'The body has neither "inputs" (images in Base64) nor "instances" ([{"b64": …}]).',
    );
  }
  const { inputs, parameters: given } = checkBody(HuggingFaceRequest, value);
  if (typeof inputs !== 'string') return { files: inputs.map(decodeBase64), isSingle: false, given };
  return { files: [decodeBase64(inputs)], isSingle: true, given };
}

/** Returns the error instead of throwing it: other images of the request are still classified. */
function decodeBase64(text: string): Uint8Array | Error {
  const digits = text.replace(/^data:[^,]{0,100};base64,/, '').replace(/\s/g, '');
  if (!/^[\w+/-]*={0,2}$/.test(digits)) return new RequestError('bad-body', 'The image is not valid Base64.');
  return Buffer.from(digits, 'base64');
}

async function readForm(contentType: string, body: Uint8Array<ArrayBuffer>): Promise<BodyContent> {
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
    throw new RequestError('bad-body', `The form has ${parts.length} images; the limit is ${MAX_IMAGES}.`);
  }
  const files = await Promise.all(
    parts.map(async (part) =>
      typeof part === 'string'
        ? new RequestError('bad-body', 'The part "image" is text. Send it as a file: curl -F image=@picture.png')
        : new Uint8Array(await part.arrayBuffer()),
    ),
  );
  return { files, isSingle: files.length === 1 };
}

function defined(values: Parameters): Parameters {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
