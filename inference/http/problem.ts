import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import { CorruptImage, ImageTooLarge, UnsupportedFeature, UnsupportedImage } from '#images/image-errors.ts';
import { UnknownVersion } from '#models/versions.ts';
import { ModelUnavailable, NoModelYet } from '../serving/model-errors.ts';

interface Kind {
  readonly status: number;
  readonly title: string;
  /** What to do, if the detail does not say it. */
  readonly hint?: string;
  /** Seconds after which to retry. */
  readonly retryAfter?: number;
}

/** Every way in which a request can fail. Codes are part of the API and stable; titles are for people. */
export const PROBLEMS = {
  'bad-parameter': { status: 400, title: 'Invalid parameter' },
  'bad-body': { status: 400, title: 'Invalid body' },
  'corrupt-image': { status: 400, title: 'Damaged image' },
  'unknown-route': { status: 404, title: 'Unknown route', hint: 'GET ./ lists all routes.' },
  'unknown-model': { status: 404, title: 'Unknown model' },
  'unknown-version': { status: 404, title: 'Unknown version', hint: 'GET ./model shows which one is served.' },
  'wrong-method': { status: 405, title: 'Method not allowed' },
  'body-too-large': {
    status: 413,
    title: 'Body too large',
    hint: 'Scale the image down, or save it as JPEG. Send many images in several requests; Base64 makes each a third larger.',
  },
  'image-too-large': { status: 413, title: 'Image too large' },
  'unsupported-image': { status: 415, title: 'Unsupported image type' },
  'unsupported-encoding': {
    status: 415,
    title: 'Unsupported content encoding',
    hint: 'Images are compressed already: send them as they are.',
  },
  'wrong-size': {
    status: 422,
    title: 'Wrong image size',
    hint: "Without strict=1 images of other sizes are fitted to the model's.",
  },
  internal: { status: 500, title: 'Internal error', hint: 'The log has the cause, under this request_id.' },
  'no-model-yet': { status: 503, title: 'No model is served yet', retryAfter: 15 },
  'model-unavailable': { status: 503, title: 'Model unavailable', retryAfter: 15 },
} as const satisfies Record<string, Kind>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The request is wrong, apart from its images. */
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
    code: z.string().check(z.describe('Identifies the problem, for programs. The gateway adds codes of its own.')),
    hint: z.optional(z.string()),
    error: z
      .string()
      .check(z.describe('The same as `detail`, for clients of the Open Inference Protocol and TensorFlow Serving.')),
    request_id: z.string(),
  })
  .check(z.describe('An error, as RFC 9457 defines it.'));
export type Problem = z.infer<typeof Problem>;

/** What clients see of an error. An internal error reveals nothing but its request ID. */
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

/** Clients must not learn where the store is. */
function detailOf(error: unknown, code: ProblemCode): string {
  if (error instanceof UnknownVersion) return `There is no version or alias "${error.version}".`;
  if (error instanceof NoModelYet || error instanceof ModelUnavailable) return error.publicMessage;
  return error instanceof UserError && code !== 'internal' ? error.message : 'An unexpected error occurred.';
}

/** The headers of the problem, and those of the error itself. */
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
