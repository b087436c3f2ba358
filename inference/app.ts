import { Hono, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { access } from './http/access.ts';
import type { App, Env, RequestContext } from './http/context.ts';
import { problemHeaders, problemOf, RequestError } from './http/problem.ts';
import { documentRoutes } from './openapi/document-routes.ts';
import { type PageOptions, pageRoutes } from './page/page-routes.ts';
import { classifyRoutes } from './routes/classify.ts';
import { modelRoutes } from './routes/model.ts';
import { openInferenceRoutes } from './routes/open-inference.ts';
import type { LiveModels } from './serving/live-models.ts';
import type { Log } from './telemetry/log.ts';

export interface AppOptions {
  readonly models: LiveModels;
  readonly log: Log;
  /** Web pages of other origins that may ask, such as `https://example.org`; `*` for all. @default none */
  readonly origins?: readonly string[];
  /** The page for people. @default none */
  readonly page?: PageOptions;
}

/** The endpoint, the same behind API Gateway and on a local port. All links are relative: a stage is a prefix of the path. */
export function createApp({ models, log, origins = [], page }: AppOptions): App {
  const app: App = new Hono<Env>();
  app.use(access(log));
  if (origins.length > 0) app.use(crossOrigin(origins));
  if (page) pageRoutes(app, page);
  indexRoute(app);
  classifyRoutes(app, models);
  modelRoutes(app, models);
  openInferenceRoutes(app, models);
  documentRoutes(app);
  refuseOtherMethods(app);
  app.notFound((context) =>
    fail(new RequestError('unknown-route', `There is nothing at ${context.req.path}.`), context),
  );
  app.onError(fail);
  return app;
}

/** Lets web pages elsewhere ask, and read the headers that they need. */
function crossOrigin(origins: readonly string[]): MiddlewareHandler<Env> {
  return cors({
    origin: origins.includes('*') ? '*' : [...origins],
    allowMethods: ['GET', 'HEAD', 'POST'],
    allowHeaders: ['content-type', 'x-api-key'],
    exposeHeaders: ['retry-after', 'x-request-id'],
    maxAge: 600,
  });
}

/** Where to go from here. */
function indexRoute(app: App): void {
  app.get('/', (context) => {
    const routes = routesOf(app).map(({ path, methods }) => ({
      ...{ methods, href: `.${path.replace(/\{[^}]*\}/g, '')}` }, // what a parameter may be is for the router
    }));
    return context.json({ name: 'cifar10', routes });
  });
}

/** An address that exists answers another method with what it takes. */
function refuseOtherMethods(app: App): void {
  for (const { path, methods } of routesOf(app)) {
    const allow = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
    app.all(path, () => {
      throw new RequestError('wrong-method', `${path} takes ${methods.join(' and ')}.`, { allow: allow.join(', ') });
    });
  }
}

function routesOf(app: App): { readonly path: string; readonly methods: readonly string[] }[] {
  const routes = new Map<string, string[]>();
  for (const { path, method } of app.routes) {
    if (method !== 'ALL') routes.set(path, [...(routes.get(path) ?? []), method]);
  }
  return [...routes].map(([path, methods]) => ({ path, methods }));
}

/** The one place where an error becomes an answer. */
function fail(error: Error, context: RequestContext): Response {
  const problem = problemOf(error, context.get('requestId'));
  const { status, code, detail } = problem;
  Object.assign(context.get('facts'), status >= 500 ? { error } : { code, detail });
  return new Response(`${JSON.stringify(problem)}\n`, { status, headers: problemHeaders(error) });
}
