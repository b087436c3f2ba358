import type { Golden } from '#models/golden.ts';
import type { Manifest } from '#models/manifest.ts';
import {
  type ClassifyAnswer,
  type ClassifyQuery,
  createClient,
  getModel,
  type ModelAnswer,
  type Problem,
  postImage,
} from '../../client/client.ts';

/** The endpoint refused a request; `problem` is the reason. */
export class RequestRefused extends Error {
  readonly problem: Refusal;
  /** Seconds after which the endpoint wants to be asked again. */
  readonly retryAfter: number | undefined;

  constructor(problem: Refusal, retryAfter?: number) {
    super(problem.hint ? `${problem.detail} ${problem.hint}` : problem.detail);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  /** The request does not fit the model: pixels of another size, or more classes than it has. */
  get isAboutModel(): boolean {
    return this.problem.status === 400 || this.problem.status === 415;
  }

  /** The API key is missing or invalid, or a signature is. */
  get isAboutAccess(): boolean {
    return this.problem.status === 401 || this.problem.status === 403;
  }

  /** The API key is missing or invalid. */
  get isAboutKey(): boolean {
    return this.isAboutAccess && !this.isAboutSignature;
  }

  /** The endpoint takes requests alone that are signed with credentials of AWS, which a page has none of. */
  get isAboutSignature(): boolean {
    return this.problem.code === 'unsigned';
  }
}

type Refusal = Pick<Problem, 'status' | 'detail' | 'hint'> & { readonly code?: string };

/** The endpoint did not answer at all. */
export class EndpointUnreachable extends Error {}

/** A client of the endpoint that serves this page, including the stage of API Gateway. */
function client(apiKey?: string) {
  return createClient({ url: new URL('.', document.baseURI).href, apiKey });
}

export function fetchModel(): Promise<ModelAnswer> {
  return answerOf(getModel(client()));
}

export function fetchManifest(version: string): Promise<Manifest> {
  return fetchJson(`models/${version}/manifest.json`);
}

/** With thousands of classes it is too long for one answer. */
export async function fetchGolden(version: string, manifest: Manifest): Promise<Golden> {
  return JSON.parse(new TextDecoder().decode(await fetchFile(version, manifest, 'golden.json')));
}

/** Fetches a file of a version, in parts if it is long. */
export async function fetchFile(version: string, { files }: Manifest, path: string): Promise<Uint8Array> {
  const { size } = files.find((file) => file.path === path)!;
  const body = new Uint8Array(size);
  for (let from = 0; from < size; ) {
    const part = await (await get(`models/${version}/${path}?from=${from}`)).arrayBuffer();
    body.set(new Uint8Array(part), from);
    from += part.byteLength;
  }
  return body;
}

interface ClassifyOptions {
  readonly key: string | undefined;
  /** Number of classes to return. */
  readonly topK: number;
  /** Whether to return which parts of the image support the answer. */
  readonly explains?: boolean;
  readonly signal?: AbortSignal;
}

/** @param pixels `[height, width, 3]` uint8, of the model's input size */
export async function classify(
  pixels: Uint8Array,
  { key, topK, explains, signal }: ClassifyOptions,
): Promise<{ readonly answer: ClassifyAnswer; readonly milliseconds: number }> {
  const query: ClassifyQuery = { top_k: topK, ...(explains ? { explain: 'occlusion' } : {}) };
  const started = performance.now();
  const send = () => answerOf(postImage(client(key), pixels as Uint8Array<ArrayBuffer>, query, signal));
  const answer = await patiently(send, signal);
  const milliseconds = performance.now() - started;
  if ('results' in answer) throw new TypeError('The endpoint answered one image with a list.');
  return { answer, milliseconds };
}

/** Tries in all, where too many requests run at once. */
const TRIES = 4;

/** Sends a request again where the endpoint is busy, after the time that it asks for, and then twice as long each time. */
async function patiently<Answer>(send: () => Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      const isBusy = error instanceof RequestRefused && error.problem.status === 429 && error.retryAfter !== undefined;
      if (!isBusy || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * error.retryAfter! * 2 ** (tries - 1)));
      signal?.throwIfAborted();
    }
  }
}

/** @throws {RequestRefused} @throws {EndpointUnreachable} */
async function answerOf<Answer>(
  request: Promise<{ readonly data?: Answer; readonly error?: unknown; readonly response: Response }>,
): Promise<Answer> {
  const { data, error, response } = await request.catch((cause: unknown) => {
    throw cause instanceof TypeError ? unreachable(cause) : cause;
  });
  if (response.ok) return data as Answer;
  throw refused(response, error);
}

function unreachable(cause: unknown): EndpointUnreachable {
  return new EndpointUnreachable('The endpoint cannot be reached. Is this device online?', { cause });
}

/** What a gateway means that does not answer with a problem. */
const reasons: Readonly<Record<number, string>> = {
  413: 'The picture is too large for the endpoint.',
  429: 'Too many requests run at once. Try again in a moment.',
  // API Gateway's own answer where Lambda refuses a call.
  500: 'Most likely too many requests run at once. Try again in a moment.',
  504: 'The endpoint did not answer in time. Try again.',
};

/** What API Gateway's own words leave open, for somebody before a page. */
const UNSIGNED = {
  detail: 'This endpoint takes signed requests only, and a web page has no AWS credentials to sign with.',
  hint: 'Use "./cifar10 classify", which signs, or curl as shown below; with temporary credentials add -H "x-amz-security-token: $AWS_SESSION_TOKEN". Or ask whoever deployed it to deploy with "--auth key".',
};

/** A proxy in between may answer with a body that is not a problem. */
function refused({ status, headers }: Response, body: unknown): RequestRefused {
  const problem: Partial<Refusal> = typeof body === 'object' && body !== null ? body : {};
  if (problem.code === 'unsigned') return new RequestRefused({ status, code: problem.code, ...UNSIGNED });
  const detail = problem.detail ?? reasons[status] ?? `The endpoint answered ${status}.`;
  const after = headers.get('retry-after');
  return new RequestRefused({ ...problem, status, detail }, after === null ? undefined : Number(after));
}

async function fetchJson<Body>(path: string): Promise<Body> {
  return (await get(path)).json();
}

async function get(path: string): Promise<Response> {
  const response = await fetch(path).catch((cause: unknown) => {
    throw unreachable(cause);
  });
  if (response.ok) return response;
  throw refused(response, await response.json().catch(() => undefined));
}
