import { UserError } from '#errors/user-error.ts';
import type { BatchAnswer, ClassifyAnswer } from '../http/answers.ts';
import type { App, RequestContext } from '../http/context.ts';
import { problemOf } from '../http/problem.ts';
import { readClassifyRequest } from '../http/read-request.ts';
import type { LiveModels } from '../serving/live-models.ts';
import { round } from '../telemetry/timing.ts';
import { classifyImages } from './classify-images.ts';
import { nameOf } from './model.ts';

/** Pictures in, answers out. */
export function classifyRoutes(app: App, models: LiveModels): void {
  /** One picture in the form for one is answered as itself, and anything else as a list. */
  app.post('/classify', async (context) => {
    const request = await readClassifyRequest(context);
    return classify(context, models, request, request.isSingle);
  });

  /** The same, answered as a list even where there is one picture. */
  app.post('/classify/batch', async (context) => classify(context, models, await readClassifyRequest(context), false));
}

async function classify(
  context: RequestContext,
  models: LiveModels,
  { images, version, options }: Awaited<ReturnType<typeof readClassifyRequest>>,
  isSingle: boolean,
): Promise<Response> {
  const requestId = context.get('requestId');
  const answer = await models.use(version, async (model): Promise<ClassifyAnswer | BatchAnswer> => {
    const { results, timing } = await classifyImages(images, model, options);
    const envelope = () => ({
      model: nameOf(model),
      timing_ms: {
        decode: round(timing.decode),
        predict: round(timing.predict),
        total: round(performance.now() - context.get('started')),
      },
      request_id: requestId,
    });
    // One picture may fail alone, but not by a defect of ours that nobody hears of.
    const defect = results.find((result) => result instanceof Error && !(result instanceof UserError));
    if (defect) Object.assign(context.get('facts'), { error: defect });
    if (!isSingle) {
      const described = results.map((result) =>
        result instanceof Error ? { error: problemOf(result, requestId) } : result,
      );
      return { results: described, ...envelope() };
    }
    const [result] = results;
    if (result instanceof Error) throw result;
    return { ...result!, ...envelope() };
  });
  Object.assign(context.get('facts'), factsOf(answer));
  return context.json(answer);
}

/** For the log. */
function factsOf(answer: ClassifyAnswer | BatchAnswer): object {
  const { model, timing_ms: timing } = answer;
  if (!('results' in answer)) {
    return { version: model.version, label: answer.label, score: answer.score, uncertain: answer.uncertain, timing };
  }
  const failed = answer.results.filter((result) => 'error' in result).length;
  return { version: model.version, images: answer.results.length, failed, timing };
}
