import type { Card } from '#models/card.ts';
import type { Golden } from '#models/golden.ts';
import type { Manifest } from '#models/manifest.ts';
import type { ClassifyAnswer } from '../../answers.ts';
import type { Problem } from '../../problem.ts';

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

export type ServedCard = Card & { readonly version: string; readonly alias?: string };

export function fetchModel(): Promise<ServedCard> {
  return json('model');
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
    const part = await (await request(`models/${version}/${path}${from > 0 ? `?from=${from}` : ''}`)).arrayBuffer();
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
  const query = new URLSearchParams({ top_k: String(topK), ...(explains ? { explain: 'occlusion' } : {}) });
  const started = performance.now();
  const response = await request(`classify?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', ...(key ? { 'x-api-key': key } : {}) },
    body: pixels as Uint8Array<ArrayBuffer>,
    ...(signal ? { signal } : {}),
  });
  const answer: ClassifyAnswer = await response.json();
  return { answer, milliseconds: performance.now() - started };
}

async function json<Body>(address: string): Promise<Body> {
  return (await request(address)).json();
}

async function request(address: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, init);
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new Unreachable('The endpoint cannot be reached. Is this device online?', { cause });
  }
  if (response.ok) return response;
  const { status } = response;
  // What answers may be something in between, with words of its own.
  const problem: Partial<Problem> = await response.json().catch(() => ({}));
  throw new Refused({ ...problem, status, detail: problem.detail ?? `The endpoint answered ${status}.` });
}
