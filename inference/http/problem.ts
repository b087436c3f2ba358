import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import { CorruptImage, ImageTooLarge, UnsupportedFeature, UnsupportedImage } from '#images/image-errors.ts';
import { UnknownVersion } from '#models/versions.ts';
import { ModelUnavailable, NoModelYet } from '../serving/model-errors.ts';

interface Kind {
  readonly status: number;
  readonly title: string;
  /** What to do, where the detail does not say it. */
  readonly hint?: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** Every way in which a request can fail. The code is part of the contract; a title is for people. */
export const PROBLEMS = {
  'bad-parameter': { status: 400, title: 'A parameter cannot be used' },
  'bad-body': { status: 400, title: 'The body cannot be read' },
  'corrupt-image': { status: 400, title: 'The image is damaged' },
  'unknown-route': { status: 404, title: 'There is no such address', hint: 'GET ./ lists the addresses.' },
  'unknown-model': { status: 404, title: 'There is no such model' },
  'unknown-version': { status: 404, title: 'There is no such version', hint: 'GET ./model tells which one is served.' },
  'wrong-method': { status: 405, title: 'The address takes another method' },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    hint: 'Send pictures of at most 1 MiB each, and several of them in several requests.',
  },
  'image-too-large': { status: 413, title: 'The image is too large' },
  'unsupported-image': { status: 415, title: 'The body is no image of a kind that is taken' },
  'unsupported-encoding': {
    status: 415,
    title: 'The body is compressed',
    hint: 'Images are small: send them as they are.',
  },
  'wrong-size': {
    status: 422,
    title: 'The image has another size',
    hint: 'Without strict=1 it is cropped and scaled.',
  },
  internal: { status: 500, title: 'The request failed here', hint: 'The log holds the cause, under this request_id.' },
  'no-model-yet': { status: 503, title: 'No model is served yet', retryAfter: 15 },
  'model-unavailable': { status: 503, title: 'The model cannot be served now', retryAfter: 15 },
} as const satisfies Record<string, Kind>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What the request itself did wrong, apart from its images. */
export class RequestError extends UserError {
  override readonly name = 'RequestError';
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string().check(z.describe('What is wrong, and what to do.')),
    instance: z.string(),
    code: z.string().check(z.describe('Which problem it is, for programs. The gateway has some of its own.')),
    hint: z.optional(z.string()),
    error: z
      .string()
      .check(z.describe('The detail again, where the Open Inference Protocol and TensorFlow Serving look for it.')),
    request_id: z.string(),
  })
  .check(z.describe('What went wrong, after RFC 9457.'));
export type Problem = z.infer<typeof Problem>;

/** What is told of an error; of one that is not the client's nothing but that it happened. */
export function problemOf(error: unknown, requestId: string): Problem {
  const code = codeOf(error);
  const { status, title, hint }: Kind = PROBLEMS[code];
  const detail = detailOf(error, code);
  return {
    type: `urn:cifar10:problem:${code}`,
    ...{ title, status, detail, instance: `urn:uuid:${requestId}`, code },
    ...(hint === undefined ? {} : { hint }),
    ...{ error: detail, request_id: requestId },
  };
}

/** Where the models are is for those who run the endpoint, not for those who ask it. */
function detailOf(error: unknown, code: ProblemCode): string {
  if (error instanceof UnknownVersion) return `There is no version or alias "${error.version}" here.`;
  if (error instanceof NoModelYet || error instanceof ModelUnavailable) return error.publicMessage;
  return error instanceof UserError && code !== 'internal' ? error.message : 'An unexpected error occurred.';
}

/** Those of the problem itself, and those that the error brings with it. */
export function problemHeaders(error: unknown): Record<string, string> {
  const { retryAfter }: Kind = PROBLEMS[codeOf(error)];
  return {
    'content-type': 'application/problem+json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    ...(error instanceof RequestError ? error.headers : {}),
  };
}

function codeOf(error: unknown): ProblemCode {
  if (error instanceof RequestError) return error.code;
  if (error instanceof CorruptImage) return 'corrupt-image';
  if (error instanceof UnsupportedImage || error instanceof UnsupportedFeature) return 'unsupported-image';
  if (error instanceof ImageTooLarge) return 'image-too-large';
  if (error instanceof UnknownVersion) return 'unknown-version';
  if (error instanceof NoModelYet) return 'no-model-yet';
  if (error instanceof ModelUnavailable) return 'model-unavailable';
  return 'internal';
}
