import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import type { ClassifyAnswer } from './answers.ts';
import { type ClassifyOptions, classifyImages } from './classify-images.ts';
import type { LiveModels, ServedModel } from './live-models.ts';
import type { Log } from './log.ts';
import { problemHeaders, problemOf, RequestError } from './problem.ts';

export interface AppOptions {
  readonly models: LiveModels;
  readonly log: Log;
}

/** What the server passes with a request. */
export interface Bindings {
  /** The gateway's own id of the request; without one we draw it. */
  readonly requestId?: string;
}

type Env = { Bindings: Bindings; Variables: { requestId: string; facts: Record<string, unknown> } };

export type App = Hono<Env>;

/** Lambda takes 6 MB, of which Base64 leaves 4.5. */
const MAX_BODY = 4 * 1024 * 1024;

const ROUTES = {
  '/': 'GET',
  '/classify': 'POST',
  '/model': 'GET',
  '/health/live': 'GET',
  '/health/ready': 'GET',
} as const;

/** The endpoint, the same behind API Gateway and on a local port. All links are relative: a stage is a prefix of the path. */
export function createApp({ models, log }: AppOptions): App {
  const app = new Hono<Env>();

  app.use(async (context, next) => {
    const started = performance.now();
    const requestId = context.env?.requestId ?? randomUUID();
    context.set('requestId', requestId);
    context.set('facts', {});
    await next();
    context.header('x-request-id', requestId);
    context.header('x-content-type-options', 'nosniff');
    context.header('cache-control', 'no-store');
    const { method, path } = context.req;
    const { status } = context.res;
    log(status >= 500 ? 'error' : 'info', 'request', {
      ...{ requestId, method, path, status, milliseconds: round(performance.now() - started) },
      ...context.get('facts'),
    });
  });

  app.get('/', (context) =>
    context.json({
      name: 'cifar10',
      routes: Object.entries(ROUTES).map(([path, method]) => ({ method, href: `.${path}` })),
    }),
  );

  app.post('/classify', async (context) => {
    const started = performance.now();
    const options = classifyOptions(context);
    const image = await readBody(context);
    const answer = await models.use(query(context, 'version'), async (model): Promise<ClassifyAnswer> => {
      const { results, timing } = await classifyImages([image], model, options);
      const [result] = results;
      if (result instanceof Error) throw result;
      return {
        ...result!,
        model: described(model),
        timing_ms: {
          decode: round(timing.decode),
          predict: round(timing.predict),
          total: round(performance.now() - started),
        },
        request_id: context.get('requestId'),
      };
    });
    const { label, score, model, timing_ms: timing } = answer;
    Object.assign(context.get('facts'), { label, score, version: model.version, timing });
    return context.json(answer);
  });

  app.get('/model', (context) =>
    models.use(query(context, 'version'), ({ version, alias, card }) => context.json({ version, alias, ...card })),
  );

  app.get('/health/live', (context) => context.json({ status: 'live' }));

  app.get('/health/ready', (context) =>
    models.use(undefined, (model) => {
      const pending = models.pending();
      return context.json({ status: 'ready', model: described(model), ...(pending ? { pending } : {}) });
    }),
  );

  for (const [path, method] of Object.entries(ROUTES)) {
    app.all(path, () => {
      throw new RequestError('wrong-method', `${path} takes ${method}.`, {
        allow: method === 'GET' ? 'GET, HEAD' : method,
      });
    });
  }
  const fail = (error: Error, context: Context<Env>) => {
    const problem = problemOf(error, context.get('requestId'));
    Object.assign(
      context.get('facts'),
      problem.status >= 500 ? { error } : { code: problem.code, detail: problem.detail },
    );
    return new Response(`${JSON.stringify(problem)}\n`, { status: problem.status, headers: problemHeaders(error) });
  };
  app.onError(fail);
  app.notFound((context) =>
    fail(new RequestError('unknown-route', `There is nothing at ${context.req.path}.`), context),
  );
  return app;
}

function described({ version, alias, card }: ServedModel): ClassifyAnswer['model'] {
  return { name: card.name, version, ...(alias === undefined ? {} : { alias }) };
}

async function readBody(context: Context<Env>): Promise<Uint8Array> {
  const encoding = context.req.header('content-encoding');
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new RequestError(
      'unsupported-encoding',
      `The body has Content-Encoding ${encoding}, which is not undone here.`,
    );
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY) {
      // What follows is not read, so nothing more can be said on this connection.
      throw new RequestError('body-too-large', `The body has more than ${MAX_BODY} bytes.`, { connection: 'close' });
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function classifyOptions(context: Context<Env>): ClassifyOptions {
  const topK = query(context, 'top_k');
  if (topK !== undefined && !/^[1-9]\d{0,5}$/.test(topK)) {
    throw new RequestError(
      'bad-parameter',
      `top_k is ${JSON.stringify(topK)}. Give a number from 1 to that of the classes.`,
    );
  }
  return { topK: topK === undefined ? undefined : Number(topK), strict: flag(context, 'strict') };
}

function flag(context: Context<Env>, name: string): boolean {
  const value = query(context, name);
  if (value === undefined || value === '0' || value === 'false') return false;
  if (value === '1' || value === 'true' || value === '') return true;
  throw new RequestError('bad-parameter', `${name} is ${JSON.stringify(value)}. Give 1 or 0.`);
}

function query(context: Context<Env>, name: string): string | undefined {
  const values = context.req.queries(name) ?? [];
  if (values.length > 1)
    throw new RequestError('bad-parameter', `${name} is given ${values.length} times. Give it once.`);
  return values[0];
}

/** To hundredths. */
function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100;
}
