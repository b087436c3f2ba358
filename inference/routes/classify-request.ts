import { isUtf8 } from 'node:buffer';
import * as z from 'zod/mini';
import { identify } from '#images/image-type.ts';
import type { RequestContext } from '../http/context.ts';
import { type Part, readMultipart } from '../http/multipart.ts';
import { RequestError } from '../http/problem.ts';
import { choice, count, Flag, flag, query } from '../http/query.ts';
import { checkBody, parseJson, readBody } from '../http/read-body.ts';
import { decodeImageText, imageFileIn } from './sent-as-text.ts';

/** Largest number of images in one request. */
export const MAX_IMAGES = 64;

export interface ClassifyOptions {
  /** Number of classes to return; at most all. @default 5 */
  readonly topK?: number | undefined;
  /** Refuse images of another size than the model's, instead of fitting them to it. @default false */
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

const STRICT = "Refuse images of another size than the model's, instead of fitting them to it.";

/** The members of Hugging Face's `parameters`. */
const parameters = {
  top_k: z
    .int()
    .check(z.positive(), z.describe('Number of classes to return, best first; at most as many as the model has.')),
  strict: z.boolean().check(z.describe(STRICT)),
  version: z.string().check(z.describe("A version's ID or an alias, instead of the served one.")),
  explain: z
    .literal('occlusion')
    .check(z.describe('Return which parts of the image support the answer. One image only.')),
};

/** The same parameters in a query string. */
export const queryParameters = {
  top_k: z.optional(parameters.top_k),
  strict: z.optional(Flag.check(z.describe(`${STRICT} The name alone means 1.`))),
  version: z.optional(parameters.version),
  explain: z.optional(parameters.explain),
};

const base64 = z
  .string()
  .check(z.describe('An image in Base64 or base64url, with or without a `data:image/…;base64,` prefix.'));

export const HuggingFaceRequest = z
  .object({
    inputs: z.union([base64, z.array(base64).check(z.minLength(1), z.maxLength(MAX_IMAGES))], {
      error: `must be an image in Base64, or a list of 1 to ${MAX_IMAGES}`,
    }),
    // Clients in Python send null for what is not given.
    parameters: z.nullish(
      z.object({
        top_k: z.nullish(parameters.top_k),
        strict: z.nullish(parameters.strict),
        version: z.nullish(parameters.version),
        explain: z.nullish(parameters.explain),
        function_to_apply: z.nullish(z.literal('softmax')),
      }),
    ),
  })
  .check(z.describe("The format of Hugging Face's image classification."));

export const TensorFlowServingRequest = z
  .object({
    instances: z.array(z.object({ b64: base64 })).check(z.minLength(1), z.maxLength(MAX_IMAGES)),
    signature_name: z.nullish(z.string()),
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
  const { files, isSingle, given } = readFiles(type, body);
  const { top_k: topK, strict, version, explain } = { ...defined(given ?? {}), ...defined(fromQuery) };
  return { files, isSingle, version, options: { topK, strict, explain } };
}

type Parameters = { [Name in keyof typeof parameters]?: z.infer<(typeof parameters)[Name]> | undefined };
type Nullable<Values> = { [Name in keyof Values]: Values[Name] | null };

interface BodyContent extends Pick<ClassifyRequest, 'files' | 'isSingle'> {
  readonly given?: Nullable<Parameters> | null | undefined;
}

/** The content type only tells forms from other bodies: images and JSON are known by their bytes too, where it is wrong. */
function readFiles(contentType: string, body: Uint8Array): BodyContent {
  const isJson = /^\s*application\/([\w.+-]+\+)?json\b/i.test(contentType) && identify(body).type === undefined;
  if (isJson) return readJson(parseJson(body));
  if (/^\s*multipart\//i.test(contentType)) return readForm(contentType, body);
  const value = jsonRequestIn(body);
  if (value !== undefined) return readJson(value);
  return { files: [imageFileIn(body)], isSingle: true };
}

/** A request in JSON whose Content-Type is another one, such as that of curl -d. */
function jsonRequestIn(body: Uint8Array): object | undefined {
  if (!/^(\xef\xbb\xbf)?\s*\{/.test(Buffer.from(body.subarray(0, 64)).toString('latin1'))) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return typeof value === 'object' && value !== null && ('inputs' in value || 'instances' in value)
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

function readJson(value: unknown): BodyContent {
  if (typeof value === 'string') return readJsonString(value);
  const members = (value ?? {}) as { readonly inputs?: unknown; readonly instances?: unknown };
  if (isGiven(members.instances)) {
    const { instances } = checkBody(TensorFlowServingRequest, value);
    return { files: instances.map(({ b64 }) => decodeText(b64)), isSingle: false };
  }
  if (!isGiven(members.inputs)) {
    throw new RequestError(
      'bad-body',
      'The body has neither "inputs" (images in Base64) nor "instances" ([{"b64": …}]).',
    );
  }
  const { inputs, parameters: given } = checkBody(HuggingFaceRequest, value);
  if (typeof inputs !== 'string') return { files: inputs.map(decodeText), isSingle: false, given };
  return { files: [decodeText(inputs)], isSingle: true, given };
}

/** JSON that was encoded as JSON once more, or an image without an object around it. */
function readJsonString(text: string): BodyContent {
  if (text.trimStart().startsWith('{')) return readJson(parseJson(Buffer.from(text)));
  return { files: [decodeText(text)], isSingle: true };
}

/** Returns the error instead of throwing it: other images of the request are still classified. */
function decodeText(text: string): Uint8Array | Error {
  const reason = /^\s*(https?|s3|gs):/i.test(text)
    ? 'The image is an address, which is not fetched. Send its bytes in Base64.'
    : 'The image is not valid Base64.';
  return decodeImageText(text) ?? new RequestError('bad-body', reason);
}

function readForm(contentType: string, body: Uint8Array): BodyContent {
  const parts = readMultipart(contentType, body);
  const images = parts.filter(({ name }) => name === 'image');
  if (images.length === 0) {
    const names = [...new Set(parts.map(({ name = '' }) => JSON.stringify(name.slice(0, 100))))]
      .slice(0, 20)
      .join(', ');
    throw new RequestError('bad-body', `The form has no part "image"${names && `; it has ${names}`}.`);
  }
  if (images.length > MAX_IMAGES) {
    throw new RequestError('bad-body', `The form has ${images.length} images; the limit is ${MAX_IMAGES}.`);
  }
  return { files: images.map(readPart), isSingle: images.length === 1 };
}

function readPart({ body, isFile }: Part): Uint8Array | Error {
  const file = imageFileIn(body);
  // Clients that send a file without its name send bytes that are no text.
  const isText = !isFile && file === body && isUtf8(body) && !/[^\P{Cc}\s]/u.test(body.toString());
  if (!isText) return file;
  return new RequestError('bad-body', 'The part "image" is text. Send it as a file: curl -F image=@picture.png');
}

/** Null means absent. */
function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function defined(values: Nullable<Parameters>): Parameters {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => isGiven(value)));
}
