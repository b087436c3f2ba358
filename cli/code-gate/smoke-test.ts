import { encode } from 'fast-png';
import { mapInOrder } from '#environment/map-in-order.ts';
import { UserError } from '#errors/user-error.ts';
import { ReadyAnswer } from '#inference/http/answers.ts';
import { Problem } from '#inference/http/problem.ts';
import { goldenDifference } from '#models/golden.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';
import { proxyFetch } from '#setup/proxy.mjs';
import { classifyImage, type Endpoint } from '../endpoint/endpoint.ts';

export interface SmokeTest {
  /** Where the versions of models are, with their golden pictures. */
  readonly store: ObjectStore;
  /** Whether whoever has no key must be refused. @default false */
  readonly isClosed?: boolean;
}

/** What an endpoint did as it should. */
export interface Passed {
  /** The version of the model that is served; `undefined` where there is none yet, and nothing to classify with. */
  readonly model: string | undefined;
  /** Golden pictures that were answered. */
  readonly pictures: number;
  /** The largest difference of a probability to what training computed. */
  readonly difference: number;
  readonly seconds: number;
}

/** An endpoint does not do what it should. */
export class SmokeTestFailed extends UserError {
  override readonly name = 'SmokeTestFailed';
  readonly expected: string;
  readonly came: string;

  constructor(expected: string, came: string, cause?: unknown) {
    super(`Expected: ${expected}. Came: ${came}`, { cause });
    this.expected = expected;
    this.came = came;
  }
}

/** Golden pictures in flight at a time. */
const PARALLEL = 4;
/** Scores are rounded to six decimals. */
const ROUNDING = 1e-6;

/**
 * Asks an endpoint what its users will ask: is it ready, does it answer pictures as the model was trained to, does it refuse
 * whoever has no key. Where no model is promoted yet, the endpoint must say so.
 *
 * @throws {SmokeTestFailed} it does not; the first difference is named
 */
export async function smokeTest(endpoint: Endpoint, { store, isClosed = false }: SmokeTest): Promise<Passed> {
  const started = performance.now();
  const model = await readyModel(endpoint);
  if (isClosed) await expectRefusal(endpoint);
  const answered = model === undefined ? { pictures: 0, difference: 0 } : await answerGolden(endpoint, store, model);
  return { model, ...answered, seconds: (performance.now() - started) / 1000 };
}

/** @returns the version of the model; `undefined` where the endpoint says that there is none yet */
async function readyModel(endpoint: Endpoint): Promise<string | undefined> {
  const path = '/health/ready';
  const expected = `GET ${path} answers 200 with a model, or 503 no-model-yet`;
  const { status, body } = await send(endpoint, path, {}, expected);
  const ready = ReadyAnswer.safeParse(json(body));
  if (status === 200 && ready.success) return ready.data.model.version;
  if (status === 503 && Problem.safeParse(json(body)).data?.code === 'no-model-yet') return undefined;
  throw new SmokeTestFailed(expected, describe(status, body));
}

async function expectRefusal(endpoint: Endpoint): Promise<void> {
  const expected = 'POST /classify without a key or a signature answers 403';
  const request = { method: 'POST', body: new Uint8Array(3072) };
  const { status, body } = await send({ ...endpoint, apiKey: undefined }, '/classify', request, expected);
  if (status !== 403) throw new SmokeTestFailed(expected, describe(status, body));
}

async function answerGolden(
  endpoint: Endpoint,
  store: ObjectStore,
  model: string,
): Promise<Pick<Passed, 'pictures' | 'difference'>> {
  const version = await readVersion(store, model, { only: [] });
  const { golden, card } = version;
  const expected = `POST /classify answers the ${golden.images.length} golden pictures of ${model} within ${golden.tolerance} of the probabilities that training computed`;
  const probabilities: number[] = [];
  try {
    for await (const [, scores] of mapInOrder(pngs(version), PARALLEL, (picture) => ask(endpoint, picture, version))) {
      probabilities.push(...scores);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new SmokeTestFailed(expected, error.message, error);
  }
  const difference = goldenDifference(golden, probabilities);
  if (difference <= golden.tolerance + ROUNDING) return { pictures: golden.images.length, difference };
  const counted = probabilities.length === golden.images.length * card.classes.length;
  const came = counted ? `probabilities that differ by up to ${difference.toFixed(6)}` : 'answers without some classes';
  throw new SmokeTestFailed(expected, came);
}

/** The probabilities of a picture, in the order of the classes. */
async function ask(endpoint: Endpoint, picture: Uint8Array, { id, card }: VerifiedVersion): Promise<number[]> {
  const { predictions } = await classifyImage(endpoint, picture, { version: id, topK: card.classes.length });
  return predictions.toSorted((one, other) => one.index - other.index).map(({ score }) => score);
}

/** The golden pictures as files, of which every byte of a pixel is kept. */
function pngs({ golden, card }: VerifiedVersion): Uint8Array[] {
  const { width, height, channels } = card.input;
  return golden.images.map(({ pixels }) => encode({ width, height, channels, data: Buffer.from(pixels, 'base64') }));
}

/** @throws {SmokeTestFailed} nothing answers */
async function send(
  { url, apiKey, answer }: Endpoint,
  path: string,
  init: RequestInit,
  expected: string,
): Promise<{ readonly status: number; readonly body: string }> {
  try {
    const headers = apiKey === undefined ? {} : { 'x-api-key': apiKey };
    const signal = AbortSignal.timeout(30_000);
    const response = answer
      ? await answer(new Request(`http://in-this-process${path}`, { ...init, headers }))
      : await proxyFetch(new URL(`${url}${path}`), { ...init, headers, signal });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    const cause = (error as Error).cause instanceof Error ? `: ${((error as Error).cause as Error).message}` : '';
    throw new SmokeTestFailed(expected, `no answer (${(error as Error).message}${cause})`, error);
  }
}

function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function describe(status: number, body: string): string {
  return `${status} ${body.trim().slice(0, 300)}`.trimEnd();
}
