import { LiveAnswer, ModelAnswer, type ModelName, ReadyAnswer } from '../http/answers.ts';
import type { App } from '../http/context.ts';
import { type Operation, route } from '../http/operation.ts';
import type { ProblemCode } from '../http/problem.ts';
import { query } from '../http/query.ts';
import type { LiveModels, ServedModel } from '../serving/live-models.ts';
import { queryParameters } from './classify-request.ts';

/** The problems of every operation that needs a model. */
export const modelProblems: readonly ProblemCode[] = ['no-model-yet', 'model-unavailable'];

const getModel: Operation = {
  ...{ method: 'get', path: '/model', id: 'getModel', group: 'Model' },
  summary: 'Get the model card: what the model is, how accurate, and how it was trained',
  query: { version: queryParameters.version },
  answer: { 'application/json': ModelAnswer },
  problems: ['bad-parameter', 'unknown-version', ...modelProblems],
};

const getLive: Operation = {
  ...{ method: 'get', path: '/health/live', id: 'getLive', group: 'Model' },
  summary: 'Check that the process runs',
  answer: { 'application/json': LiveAnswer },
  problems: [],
};

const getReady: Operation = {
  ...{ method: 'get', path: '/health/ready', id: 'getReady', group: 'Model' },
  summary: 'Check that the served model can answer',
  answer: { 'application/json': ReadyAnswer },
  problems: modelProblems,
};

export const modelOperations: readonly Operation[] = [getModel, getLive, getReady];

export function modelRoutes(app: App, models: LiveModels): void {
  route(app, getModel, (context) =>
    models.use(query(context, 'version'), ({ version, alias, card }) => context.json({ version, alias, ...card })),
  );
  route(app, getLive, (context) => context.json({ status: 'live' } satisfies LiveAnswer));
  route(app, getReady, (context) =>
    models.use(undefined, (model) => {
      const pending = models.pending();
      const answer: ReadyAnswer = { status: 'ready', model: nameOf(model), ...(pending ? { pending } : {}) };
      return context.json(answer);
    }),
  );
}

export function nameOf({ version, alias, card }: Pick<ServedModel, 'version' | 'alias' | 'card'>): ModelName {
  return { name: card.name, version, ...(alias === undefined ? {} : { alias }) };
}
