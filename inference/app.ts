import { Hono, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { access } from './http/access.ts';
import type { App, Env, RequestContext } from './http/context.ts';
import { problemHeaders, problemOf, RequestError } from './http/problem.ts';
import { documentRoutes } from './openapi/document-routes.ts';
import { type PageOptions, pageRoutes } from './page/page-routes.ts';
import { classifyRoutes } from './routes/classify.ts';
import { indexRoute } from './routes/index-route.ts';
import { modelRoutes } from './routes/model.ts';
import { openInferenceRoutes } from './routes/open-inference.ts';
import type { LiveModels } from './serving/live-models.ts';
import type { Log } from './telemetry/log.ts';

export interface AppOptions {
  readonly models: LiveModels;
  readonly log: Log;
  /** Origins whose web pages may send requests, such as `https://example.org`; `*` for all. @default none */
  readonly origins?: readonly string[];
  /** The web page. @default none */
  readonly page?: PageOptions;
}

/** The endpoint: the same app behind API Gateway and on a local port. All links are relative, since a stage prefixes the path. */
export function createApp({ models, log, origins = [], page }: AppOptions): App {
  const app: App = new Hono<Env>();
  app.use(access(log));
  if (origins.length > 0) app.use(crossOrigin(origins));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: refuseMethod }));
  if (page) pageRoutes(app, page);
  indexRoute(app);
  classifyRoutes(app, models);
  modelRoutes(app, models);
  openInferenceRoutes(app, models);
  documentRoutes(app);
  app.notFound((context) =>
    fail(new RequestError('unknown-route', `There is nothing at ${context.req.path}.`), context),
  );
  app.onError(fail);
  return app;
}

/** Allows web pages of other origins to send requests and to read the headers that they need. */
function crossOrigin(origins: readonly string[]): MiddlewareHandler<Env> {
  return cors({
    origin: origins.includes('*') ? '*' : [...origins],
    allowMethods: ['GET', 'HEAD', 'POST'],
    allowHeaders: ['authorization', 'content-type', 'x-amz-date', 'x-amz-security-token', 'x-api-key'],
    exposeHeaders: ['retry-after', 'x-request-id'],
    maxAge: 600,
  });
}

function refuseMethod(context: RequestContext, allowed: readonly string[]): Response {
  const { method, path } = context.req;
  const allow = allowed.join(', ');
  return fail(new RequestError('wrong-method', `${path} does not accept ${method}. Use ${allow}.`, { allow }), context);
}

/** The only place where an error becomes a response. */
function fail(error: Error, context: RequestContext): Response {
  const problem = problemOf(error, context.get('requestId'));
  const { status, code, detail } = problem;
  Object.assign(context.get('facts'), status >= 500 ? { error } : { code, detail });
  return new Response(`${JSON.stringify(problem)}\n`, { status, headers: problemHeaders(error) });
}
