import { IndexAnswer } from '../http/answers.ts';
import type { App } from '../http/context.ts';
import { type Operation, route } from '../http/operation.ts';

export const getIndex: Operation = {
  ...{ method: 'get', path: '/', id: 'getIndex', group: 'About' },
  summary: 'List all routes; browsers get a web page',
  answer: { 'application/json': IndexAnswer, 'text/html': 'text' },
  problems: [],
};

/** Lists all routes of the app, also those that are added later. */
export function indexRoute(app: App): void {
  route(app, getIndex, (context) => {
    const methodsByPath = new Map<string, string[]>();
    for (const { path, method } of app.routes) {
      if (method !== 'ALL') methodsByPath.set(path, [...(methodsByPath.get(path) ?? []), method]);
    }
    const routes = [...methodsByPath].map(([path, methods]) => ({
      ...{ methods, href: `.${path.replace(/\{[^}]*\}/g, '')}` }, // The pattern of a parameter is only for the router.
    }));
    return context.json({ name: 'cifar10', routes } satisfies IndexAnswer);
  });
}
