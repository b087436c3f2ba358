import { UserError } from '#errors/user-error.ts';
import { ClassifyAnswer } from '#inference/answers.ts';
import { Problem } from '#inference/problem.ts';

/** Where pictures are classified. */
export interface Endpoint {
  /** Without a slash at its end. */
  readonly url: string;
  readonly apiKey: string | undefined;
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

/**
 * @param image a file as it is, or raw RGB
 * @throws {Refused} this picture cannot be classified
 * @throws {Unreachable} no picture can be
 */
export async function classifyImage(
  { url, apiKey }: Endpoint,
  image: Uint8Array,
  { version, topK, strict }: ClassifyQuery = {},
): Promise<ClassifyAnswer> {
  const address = new URL(`${url}/classify`);
  if (version !== undefined) address.searchParams.set('version', version);
  if (topK !== undefined) address.searchParams.set('top_k', String(topK));
  if (strict) address.searchParams.set('strict', '1');
  const headers = { 'content-type': 'application/octet-stream', ...(apiKey ? { 'x-api-key': apiKey } : {}) };
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(address, {
      method: 'POST',
      headers,
      body: new Uint8Array(image),
      signal: AbortSignal.timeout(30_000),
    });
    body = await response.json();
  } catch (error) {
    throw new Unreachable(`No endpoint answers at ${url}. Is it running ("./cifar10 serve", "./cifar10 deploy")?`, {
      cause: error,
    });
  }
  const answer = ClassifyAnswer.safeParse(body);
  if (response.ok && answer.success) return answer.data;
  if (response.status === 403) {
    throw new Unreachable(
      `${url} asks for an API key, and ${apiKey ? 'does not know this one' : 'none was given'}. Set CIFAR10_API_KEY or --api-key.`,
    );
  }
  const problem = Problem.safeParse(body);
  if (problem.success) throw new Refused(problem.data);
  throw new UserError(
    `${url} answers ${response.status}, and not as this program expects: ${JSON.stringify(body).slice(0, 200)}`,
  );
}
