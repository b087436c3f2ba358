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
  readonly problem: Pick<Problem, 'status' | 'detail' | 'hint'>;

  constructor(problem: Pick<Problem, 'status' | 'detail' | 'hint'>) {
    super(problem.hint ? `${problem.detail} ${problem.hint}` : problem.detail);
    this.problem = problem;
  }

  /** The API key is missing or invalid. */
  get isAboutKey(): boolean {
    return this.problem.status === 401 || this.problem.status === 403;
  }
}

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

export function fetchGolden(version: string): Promise<Golden> {
  return fetchJson(`models/${version}/golden.json`);
}

/** Fetches a file of a version, in parts if it is long. */
export async function fetchFile(version: string, { path, size }: Manifest['files'][number]): Promise<Uint8Array> {
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
  const answer = await answerOf(postImage(client(key), pixels as Uint8Array<ArrayBuffer>, query, signal));
  const milliseconds = performance.now() - started;
  if ('results' in answer) throw new TypeError('The endpoint answered one image with a list.');
  return { answer, milliseconds };
}

/** @throws {RequestRefused} @throws {EndpointUnreachable} */
async function answerOf<Answer>(
  request: Promise<{ readonly data?: Answer; readonly error?: unknown; readonly response: Response }>,
): Promise<Answer> {
  const { data, error, response } = await request.catch((cause: unknown) => {
    throw cause instanceof TypeError ? unreachable(cause) : cause;
  });
  if (response.ok) return data as Answer;
  throw refused(response.status, error);
}

function unreachable(cause: unknown): EndpointUnreachable {
  return new EndpointUnreachable('The endpoint cannot be reached. Is this device online?', { cause });
}

/** A proxy in between may answer with a body that is not a problem. */
function refused(status: number, body: unknown): RequestRefused {
  const problem: Partial<Problem> = typeof body === 'object' && body !== null ? body : {};
  return new RequestRefused({ ...problem, status, detail: problem.detail ?? `The endpoint answered ${status}.` });
}

async function fetchJson<Body>(path: string): Promise<Body> {
  return (await get(path)).json();
}

async function get(path: string): Promise<Response> {
  const response = await fetch(path).catch((cause: unknown) => {
    throw unreachable(cause);
  });
  if (response.ok) return response;
  throw refused(response.status, await response.json().catch(() => undefined));
}
