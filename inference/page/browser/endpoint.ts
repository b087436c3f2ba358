import type { Golden } from '#models/golden.ts';
import type { Manifest } from '#models/manifest.ts';
import {
  type ClassifyAnswer,
  type ClassifyQuery,
  createClient,
  getModel,
  type ModelAnswer,
  type Problem,
  postPicture,
} from '../../client/client.ts';

/** The endpoint refused; `problem` says why. */
export class Refused extends Error {
  readonly problem: Pick<Problem, 'status' | 'detail' | 'hint'>;

  constructor(problem: Pick<Problem, 'status' | 'detail' | 'hint'>) {
    super(problem.hint ? `${problem.detail} ${problem.hint}` : problem.detail);
    this.problem = problem;
  }

  /** It wants an API key, or another one. */
  get isAboutKey(): boolean {
    return this.problem.status === 401 || this.problem.status === 403;
  }
}

/** No answer came at all. */
export class Unreachable extends Error {}

/** This page's own address, which a stage of the gateway is part of. */
function client(apiKey?: string) {
  return createClient({ url: new URL('.', document.baseURI).href, apiKey });
}

export function fetchModel(): Promise<ModelAnswer> {
  return answered(getModel(client()));
}

export function fetchManifest(version: string): Promise<Manifest> {
  return json(`models/${version}/manifest.json`);
}

export function fetchGolden(version: string): Promise<Golden> {
  return json(`models/${version}/golden.json`);
}

/** A whole file of a version; long ones come in parts. */
export async function fetchFile(version: string, { path, size }: Manifest['files'][number]): Promise<Uint8Array> {
  const body = new Uint8Array(size);
  for (let from = 0; from < size; ) {
    const part = await (await request(`models/${version}/${path}?from=${from}`)).arrayBuffer();
    body.set(new Uint8Array(part), from);
    from += part.byteLength;
  }
  return body;
}

interface ClassifyOptions {
  readonly key: string | undefined;
  /** How many classes to name. */
  readonly topK: number;
  /** With the parts of the picture that speak for the answer. */
  readonly explains?: boolean;
  readonly signal?: AbortSignal;
}

/** @param pixels `[32, 32, 3]` uint8 */
export async function classify(
  pixels: Uint8Array,
  { key, topK, explains, signal }: ClassifyOptions,
): Promise<{ readonly answer: ClassifyAnswer; readonly milliseconds: number }> {
  const query: ClassifyQuery = { top_k: topK, ...(explains ? { explain: 'occlusion' } : {}) };
  const started = performance.now();
  const answer = await answered(postPicture(client(key), pixels as Uint8Array<ArrayBuffer>, query, signal));
  const milliseconds = performance.now() - started;
  if ('results' in answer) throw new TypeError('One picture was answered as several.');
  return { answer, milliseconds };
}

/** @throws {Refused} the answer is no success @throws {Unreachable} there is none */
async function answered<Answer>(
  asked: Promise<{ readonly data?: Answer; readonly error?: unknown; readonly response: Response }>,
): Promise<Answer> {
  const { data, error, response } = await asked.catch((cause: unknown) => {
    throw cause instanceof TypeError ? unreachable(cause) : cause;
  });
  if (response.ok) return data as Answer;
  throw refused(response.status, error);
}

function unreachable(cause: unknown): Unreachable {
  return new Unreachable('The endpoint cannot be reached. Is this device online?', { cause });
}

/** What answers may be something in between, with words of its own. */
function refused(status: number, body: unknown): Refused {
  const problem: Partial<Problem> = typeof body === 'object' && body !== null ? body : {};
  return new Refused({ ...problem, status, detail: problem.detail ?? `The endpoint answered ${status}.` });
}

async function json<Body>(address: string): Promise<Body> {
  return (await request(address)).json();
}

async function request(address: string): Promise<Response> {
  const response = await fetch(address).catch((cause: unknown) => {
    throw unreachable(cause);
  });
  if (response.ok) return response;
  throw refused(response.status, await response.json().catch(() => undefined));
}
