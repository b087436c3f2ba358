import { setTimeout } from 'node:timers/promises';
import { variable } from '#environment/variables.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import {
  createClient,
  type EndpointClient,
  getModel,
  postImage,
  type ClassifyQuery as Query,
} from '#inference/client/client.ts';
import { ClassifyAnswer, ModelAnswer } from '#inference/http/answers.ts';
import { Problem } from '#inference/http/problem.ts';
import { openTarget, type TargetName } from '../stack/target.ts';

/** Where pictures are classified. */
export interface Endpoint {
  /** Without a slash at its end. */
  readonly url: string;
  readonly apiKey: string | undefined;
}

export interface EndpointOptions {
  /** Its address, instead of the one of a target. */
  readonly endpoint?: string;
  readonly apiKey?: string;
  readonly target: TargetName;
}

export interface ClassifyQuery {
  /** A version or an alias. @default the one that is served */
  readonly version?: string;
  /** @default 5 */
  readonly topK?: number;
  /** Refuse pictures of another size than the model takes. @default false */
  readonly strict?: boolean;
}

/** The endpoint refused this picture; others may fare better. */
export class Refused extends UserError {
  override readonly name = 'Refused';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.hint === undefined ? problem.detail : `${problem.detail} ${problem.hint}`);
    this.problem = problem;
  }
}

/** No picture can be classified there. */
export class Unreachable extends UserError {
  override readonly name = 'Unreachable';
}

/** @throws {UsageError} the address is none. @throws {UserError} the target has no endpoint */
export async function openEndpoint({ endpoint, apiKey, target: name }: EndpointOptions): Promise<Endpoint> {
  if (endpoint !== undefined) {
    if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
      throw new UsageError(`${JSON.stringify(endpoint)} is no address. Give one such as http://127.0.0.1:8080.`);
    }
    return { url: endpoint.replace(/\/+$/, ''), apiKey: apiKey ?? process.env[variable.apiKey] };
  }
  const target = await openTarget(name);
  const stack = await target.stack();
  return { url: target.apiUrl(stack), apiKey: apiKey ?? (await target.apiKey(stack)) };
}

/**
 * @param image a file as it is, or raw RGB
 * @throws {Refused} this picture cannot be classified
 * @throws {Unreachable} no picture can be
 */
export async function classifyImage(
  endpoint: Endpoint,
  image: Uint8Array,
  { version, topK, strict }: ClassifyQuery = {},
): Promise<ClassifyAnswer> {
  const query: Query = {};
  if (version !== undefined) query.version = version;
  if (topK !== undefined) query.top_k = topK;
  if (strict) query.strict = '1';
  const answer = await ask(endpoint, (client, signal) => postImage(client, new Uint8Array(image), query, signal));
  return understood(endpoint, answer, ClassifyAnswer);
}

/** One request, by the types of the endpoint's description; given up when the signal says so. */
type Request = (
  client: EndpointClient,
  signal: AbortSignal,
) => Promise<{ readonly data?: unknown; readonly error?: unknown; readonly response: Response }>;

interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Seconds, where the endpoint says how long to wait. */
  readonly retryAfter: number | undefined;
}

/** @throws {Unreachable} nothing answers there */
async function ask({ url, apiKey }: Endpoint, request: Request): Promise<Answer> {
  try {
    const { data, error, response } = await request(createClient({ url, apiKey }), AbortSignal.timeout(30_000));
    const after = Number(response.headers.get('retry-after') ?? Number.NaN);
    return { status: response.status, body: data ?? error, retryAfter: Number.isNaN(after) ? undefined : after };
  } catch (error) {
    throw new Unreachable(`No endpoint answers at ${url}. Is it running ("./cifar10 serve", "./cifar10 deploy")?`, {
      cause: error,
    });
  }
}

/** What checks an answer: a schema. */
interface Schema<Value> {
  safeParse(value: unknown): { readonly success: true; readonly data: Value } | { readonly success: false };
}

/**
 * The types say what our endpoint answers; at this address may be another program.
 *
 * @throws {Refused} the endpoint says what was wrong. @throws {Unreachable} it wants another key
 */
function understood<Value>({ url, apiKey }: Endpoint, { status, body }: Answer, schema: Schema<Value>): Value {
  const answer = schema.safeParse(body);
  if (status === 200 && answer.success) return answer.data;
  if (status === 403) {
    throw new Unreachable(
      `${url} asks for an API key, and ${apiKey ? 'does not know this one' : 'none was given'}. Set CIFAR10_API_KEY or --api-key.`,
    );
  }
  const problem = Problem.safeParse(body);
  if (problem.success) throw new Refused(problem.data);
  throw new UserError(
    `${url} answers ${status}, and not as this program expects: ${JSON.stringify(body).slice(0, 200)}`,
  );
}

/** What is served, or would be under that name: its card. @throws {Refused} nothing is, or there is no such version */
export async function servedModel(endpoint: Endpoint, version?: string): Promise<ModelAnswer> {
  const query = version === undefined ? {} : { version };
  const answer = await ask(endpoint, (client, signal) => getModel(client, query, signal));
  return understood(endpoint, answer, ModelAnswer);
}

/** Answers that another try may better: too much at once, or a gateway whose function is not there yet. */
const PASSING = [429, 500, 502, 503, 504];
/** The waits of an endpoint that does not say how long add up to half a minute. */
const TRIES = 7;
/** Seconds. */
const LONGEST_WAIT = 30;

/**
 * Posts, and posts again where the endpoint is busy: after as many seconds as it says, else after half a second and twice
 * as long each time. A connection that breaks is a reason to try again too.
 *
 * @throws {Refused | Unreachable} it does not get better
 */
export async function postPatiently<Value>(
  endpoint: Endpoint,
  request: Request,
  schema: Schema<Value>,
): Promise<Value> {
  for (let tries = 1; ; tries++) {
    const answer = await ask(endpoint, request).catch((error: unknown) => {
      if (tries === TRIES) throw error;
      return undefined;
    });
    if (answer && (tries === TRIES || !PASSING.includes(answer.status))) return understood(endpoint, answer, schema);
    await setTimeout(1000 * Math.min(LONGEST_WAIT, answer?.retryAfter ?? 2 ** (tries - 2)));
  }
}
