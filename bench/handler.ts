import { createApp } from '#inference/app.ts';
import { answerGateway } from '#inference/http/api-gateway.ts';
import { liveModels } from '#inference/serving/live-models.ts';
import { jsonLog } from '#inference/telemetry/log.ts';
import { withMetrics } from '#inference/telemetry/metrics-log.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { quantile } from './statistics.ts';

/** The event that API Gateway sends for an image. */
export function gatewayEvent(picture: Uint8Array): object {
  return {
    ...{ httpMethod: 'POST', path: '/classify', isBase64Encoded: true, requestContext: { requestId: 'bench' } },
    body: Buffer.from(picture).toString('base64'),
    multiValueHeaders: { 'content-type': ['image/png'] },
  };
}

/** Measures all that Lambda runs for an API Gateway event, including its log. @returns the median, in milliseconds */
export async function measureHandler(store: string, picture: Uint8Array): Promise<number> {
  const log = withMetrics(jsonLog(() => {}));
  const app = createApp({ models: liveModels({ store: folderStore(store), alias: 'production', log }), log });
  const event = gatewayEvent(picture) as Parameters<typeof answerGateway>[1];
  const times: number[] = [];
  for (let count = 0; count < 4000; count++) {
    const started = performance.now();
    const { statusCode } = await answerGateway(app, event);
    times.push(performance.now() - started);
    if (statusCode !== 200) throw new Error(`The handler answered with status ${statusCode}, not 200.`);
  }
  return quantile(times.slice(2000), 0.5);
}
