import type { ModelName, ReadyAnswer } from '../http/answers.ts';
import type { App } from '../http/context.ts';
import { query } from '../http/query.ts';
import type { LiveModels, ServedModel } from '../serving/live-models.ts';

/** What is served, and whether it is. */
export function modelRoutes(app: App, models: LiveModels): void {
  /** The card: what the model is, how good, and how it was made. */
  app.get('/model', (context) =>
    models.use(query(context, 'version'), ({ version, alias, card }) => context.json({ version, alias, ...card })),
  );

  /** The process runs. */
  app.get('/health/live', (context) => context.json({ status: 'live' }));

  /** The served model is loaded and has answered its golden images. */
  app.get('/health/ready', (context) =>
    models.use(undefined, (model) => {
      const pending = models.pending();
      const answer: ReadyAnswer = { status: 'ready', model: nameOf(model), ...(pending ? { pending } : {}) };
      return context.json(answer);
    }),
  );
}

export function nameOf({ version, alias, card }: ServedModel): ModelName {
  return { name: card.name, version, ...(alias === undefined ? {} : { alias }) };
}
