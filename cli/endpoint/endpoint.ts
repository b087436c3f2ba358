import { setTimeout } from 'node:timers/promises';
import { variable } from '#environment/variables.ts';
import { systemError } from '#errors/system-error.ts';
import { NotFound, UsageError, UserError } from '#errors/user-error.ts';
import {
  createClient,
  type EndpointClient,
  getModel,
  postImage,
  type ClassifyQuery as Query,
  type Sign,
} from '#inference/client/client.ts';
import { ClassifyAnswer, ModelAnswer } from '#inference/http/answers.ts';
import { Problem } from '#inference/http/problem.ts';
import { Refused } from '#inference/http/refused.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { ProxyFailure, proxyFetch } from '#setup/proxy.mjs';
import { openTarget, type TargetOptions } from '../stack/target.ts';
import { runningServers } from './running-servers.ts';
import { stackEndpoint } from './stack-endpoint.ts';

/** Where pictures are classified. */
export interface Endpoint {
  /** Without a slash at its end; of an endpoint in this process, its store. */
  readonly url: string;
  readonly apiKey: string | undefined;
  /** Signs requests, where the endpoint asks for a signature. @default they are not signed */
  readonly sign?: Sign;
  /** The bucket of its stack, where jobs keep what models were trained on. @default none is known */
  readonly store?: () => Promise<ObjectStore>;
  /** Answers in this process. @default requests go to the address */
  readonly answer?: (request: Request) => Promise<Response>;
}

export interface EndpointOptions extends TargetOptions {
  /** The address, instead of a target's. */
  readonly endpoint?: string | undefined;
  readonly apiKey?: string | undefined;
}

export interface ClassifyQuery {
  /** A version or an alias. @default the one that is served */
  readonly version?: string | undefined;
  /** @default 5 */
  readonly topK?: number | undefined;
  /** Refuse pictures of another size than the model takes. @default false */
  readonly strict?: boolean | undefined;
}

/** Seconds that one request may take. */
const TIMEOUT = 30;

/** The endpoint has no version or alias of this name. */
export class NoSuchVersion extends NotFound {
  override readonly name = 'NoSuchVersion';
}

/** The endpoint cannot be reached, or refuses every request. */
export class Unreachable extends UserError {
  override readonly name = 'Unreachable';
}

/** @throws {UsageError} the address or the key is not valid. @throws {UserError} the target has no endpoint */
export async function openEndpoint({ endpoint, apiKey, ...options }: EndpointOptions): Promise<Endpoint> {
  if (endpoint !== undefined) {
    return { url: baseOf(endpoint), apiKey: checkApiKey(apiKey ?? process.env[variable.apiKey]) };
  }
  const target = await openTarget(options);
  const stack = await target.stack();
  const given = checkApiKey(apiKey);
  const found = await stackEndpoint(target, stack);
  return given === undefined ? found : { ...found, apiKey: given };
}

/** Routes that an address is copied with, from a browser or a curl command. */
const ROUTES = /\/+(classify(\/batch)?|model|docs|openapi\.json|health\/(live|ready))\/*$/;

/** The address of the endpoint itself, without a slash at its end. @throws {UsageError} it is none */
function baseOf(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(`${JSON.stringify(address)} is not an address. Give one such as http://127.0.0.1:8080.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(`${url.host} is addressed with a name and a password. Give the address alone.`);
  }
  return `${url.origin}${url.pathname.replace(ROUTES, '')}`.replace(/\/+$/, '');
}

/** @throws {UsageError} no header can carry it */
function checkApiKey(key: string | undefined): string | undefined {
  const trimmed = key?.trim();
  const [wrong] = /[^\x21-\x7e]/u.exec(trimmed ?? '') ?? [];
  if (wrong === undefined) return trimmed === '' ? undefined : trimmed;
  throw new UsageError(
    `The API key contains ${JSON.stringify(wrong)}: a key has only letters from a to z, digits and punctuation. Copy it again.`,
  );
}

/**
 * @param image a file as it is, or raw RGB
 * @throws {Refused} this picture cannot be classified
 * @throws {NoSuchVersion} there is none of this name
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
  const send: Send = (client, signal) => postImage(client, new Uint8Array(image), query, signal);
  for (let tries = 1; ; tries++) {
    const answer = await ask(endpoint, send);
    if (tries === TRIES || !isBusy(answer)) return checked(endpoint, answer, ClassifyAnswer);
    await waitAfter(answer, tries);
  }
}

/** One request, typed by the endpoint's OpenAPI description; the signal aborts it. */
type Send = (
  client: EndpointClient,
  signal: AbortSignal,
) => Promise<{ readonly data?: unknown; readonly error?: unknown; readonly response: Response }>;

interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Seconds to wait, where the endpoint returned Retry-After. */
  readonly retryAfter: number | undefined;
}

/** @throws {Unreachable} nothing answers there */
async function ask({ url, apiKey, sign, answer: fetch }: Endpoint, send: Send): Promise<Answer> {
  try {
    const client = createClient(
      fetch ? { url: 'http://in-this-process', fetch } : { url, apiKey, sign, fetch: proxyFetch },
    );
    const { data, error, response } = await send(client, AbortSignal.timeout(1000 * TIMEOUT));
    const after = Number(response.headers.get('retry-after') ?? Number.NaN);
    return { status: response.status, body: data ?? error, retryAfter: Number.isNaN(after) ? undefined : after };
  } catch (error) {
    if (fetch) throw error;
    if (error instanceof ProxyFailure) throw new Unreachable(error.message, { cause: error });
    const [server] = await runningServers();
    const hint =
      server === undefined || server === url ? '' : ` A "cifar10 serve" is running: --endpoint ${server} asks it.`;
    throw new Unreachable(`No endpoint answers at ${url}. ${reasonOf(error)}${hint}`, { cause: error });
  }
}

/** Why nothing answers, or what to do, as a sentence. */
function reasonOf(error: unknown): string {
  const question = 'Is it running ("./cifar10 serve", "./cifar10 deploy")?';
  if (!(error instanceof Error)) return question;
  if (error.name === 'TimeoutError') return `It takes longer than ${TIMEOUT} s. ${question}`;
  const { cause } = error;
  // A name with several addresses fails with the failure of each.
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  const { message = error.message, code } = (first ?? {}) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return question;
  if (message === 'bad port') return `HTTP clients refuse this port, which belongs to another protocol. ${question}`;
  return systemError(first)?.message ?? `The connection fails: ${message || code}. ${question}`;
}

/** A schema that checks an answer. */
interface Schema<Value> {
  safeParse(value: unknown): { readonly success: true; readonly data: Value } | { readonly success: false };
}

/**
 * Checks an answer against its schema: another program may be running at this address.
 *
 * @throws {Refused} the endpoint returned a problem. @throws {NoSuchVersion} it has none of this name
 * @throws {Unreachable} the API key or the signature is missing or wrong
 */
function checked<Value>({ url, apiKey }: Endpoint, { status, body }: Answer, schema: Schema<Value>): Value {
  const answer = schema.safeParse(body);
  if (status === 200 && answer.success) return answer.data;
  const problem = Problem.safeParse(body);
  const gateway = problem.success ? '' : gatewaySaid(body);
  if (status === 403 && gateway === 'Missing Authentication Token') {
    throw new Unreachable(`${url} is no address of an endpoint: API Gateway has no such stage or route. Check it.`);
  }
  if (status === 403 && problem.data?.code === 'unsigned') {
    throw new Unreachable(
      `${url} takes signed requests only. Name its stack instead of its address (--target aws): then requests are signed with your AWS credentials, whose policy must allow execute-api:Invoke ("./cifar10 policy reader").`,
    );
  }
  if (status === 403 && problem.data && SIGNATURES.includes(problem.data.code)) {
    throw new Unreachable(`${url} refuses your signature. ${new Refused(problem.data).message}`);
  }
  if (status === 403) {
    throw new Unreachable(
      `${url} requires an API key, and ${apiKey ? 'does not accept this one' : 'none was given'}. Set CIFAR10_API_KEY or --api-key; "./cifar10 key" prints the key of your stack.`,
    );
  }
  if (problem.data && EVERY_REQUEST.includes(problem.data.code))
    throw new Unreachable(new Refused(problem.data).message);
  if (problem.data?.code === 'unknown-version') throw new NoSuchVersion(`${url}: ${problem.data.detail}`);
  if (problem.success) throw new Refused(problem.data);
  const reason = gatewayReasons[status];
  if (reason !== undefined)
    throw new (status === 413 ? UserError : Unreachable)(`${url} ${reason} (${status}, ${gateway}).`);
  throw new UserError(`${url} returned ${status} with an unexpected body: ${JSON.stringify(body).slice(0, 200)}`);
}

/** Problems of API Gateway with a signature; see `infra/classify/problem-responses.ts`. */
const SIGNATURES: readonly string[] = ['invalid-signature', 'expired-token', 'access-denied'];
/** Problems of API Gateway that the next request will meet as well. */
const EVERY_REQUEST: readonly string[] = ['throttled', 'busy', 'quota-exceeded'];

/**
 * What the answers of API Gateway itself mean, where they are not problem documents: those of a stack that is being deployed,
 * or of an endpoint that another template has made. The subject is the address.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
const gatewayReasons: Readonly<Record<number, string>> = {
  413: 'refuses a picture of this size. Scale it down, or save it as a JPEG',
  429: 'takes no more requests now. Wait, and send fewer at once',
  500: 'did not take the request: most likely too many run at once. Try again; "./cifar10 logs endpoint" shows what it did take',
  502: 'ended without an answer. Try again; "./cifar10 logs endpoint" names the cause',
  503: 'is not available now. Try again',
  504: 'did not answer in time. Try again',
};

/** What API Gateway says in a body of its own, `{"message": …}`. */
function gatewaySaid(body: unknown): string {
  const { message } = (body ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? message : '';
}

/** The card of the served model, or of a version or alias. @throws {Refused} there is none */
export async function servedModel(endpoint: Endpoint, version?: string): Promise<ModelAnswer> {
  const query = version === undefined ? {} : { version };
  const answer = await ask(endpoint, (client, signal) => getModel(client, query, signal));
  return checked(endpoint, answer, ModelAnswer);
}

/** Statuses that may be temporary: throttled, or a gateway whose function is not ready. */
const TEMPORARY = [429, 500, 502, 503, 504];
/** Without Retry-After the waits add up to half a minute. */
const TRIES = 7;
/** Seconds. */
const LONGEST_WAIT = 30;

/** Whether too many requests ran at once. API Gateway's own answer to that is 429, and 500 where Lambda refuses the call. */
function isBusy({ status, body }: Answer): boolean {
  if (status === 500) return gatewaySaid(body) === 'Internal server error';
  return status === 429 && !isQuota(body);
}

/** A quota is used up for hours. */
function isQuota(body: unknown): boolean {
  return Problem.safeParse(body).data?.code === 'quota-exceeded' || gatewaySaid(body) === 'Limit Exceeded';
}

/** Waits as long as the endpoint asks for with Retry-After, else half a second; after each try twice as long. */
async function waitAfter(answer: Answer | undefined, tries: number): Promise<void> {
  await setTimeout(1000 * Math.min(LONGEST_WAIT, (answer?.retryAfter ?? 0.5) * 2 ** (tries - 1)));
}

/**
 * Sends a request, and repeats it where the endpoint is busy or the connection breaks.
 *
 * @throws {Refused | Unreachable} the last try fails
 */
export async function postWithRetries<Value>(endpoint: Endpoint, send: Send, schema: Schema<Value>): Promise<Value> {
  for (let tries = 1; ; tries++) {
    const answer = await ask(endpoint, send).catch((error: unknown) => {
      if (tries === TRIES) throw error;
      return undefined;
    });
    const isLast = tries === TRIES || (answer !== undefined && isQuota(answer.body));
    if (answer && (isLast || !TEMPORARY.includes(answer.status))) return checked(endpoint, answer, schema);
    await waitAfter(answer, tries);
  }
}
