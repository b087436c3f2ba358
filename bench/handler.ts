import { createApp } from '#inference/app.ts';
import { answerGateway } from '#inference/http/api-gateway.ts';
import { liveModels } from '#inference/serving/live-models.ts';
import { jsonLog } from '#inference/telemetry/log.ts';
import { withMetrics } from '#inference/telemetry/metrics-log.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { quantile } from './statistics.ts';

/** What the gateway sends for a picture. */
export function gatewayEvent(picture: Uint8Array): object {
  return {
    ...{ httpMethod: 'POST', path: '/classify', isBase64Encoded: true, requestContext: { requestId: 'bench' } },
    body: Buffer.from(picture).toString('base64'),
    multiValueHeaders: { 'content-type': ['image/png'] },
  };
}

/** All that Lambda runs for an event of the gateway, its log included. @returns milliseconds, the median */
export async function measureHandler(store: string, picture: Uint8Array): Promise<number> {
  const log = withMetrics(jsonLog(() => {}));
  const app = createApp({ models: liveModels({ store: folderStore(store), alias: 'production', log }), log });
  const event = gatewayEvent(picture) as Parameters<typeof answerGateway>[1];
  const times: number[] = [];
  for (let count = 0; count < 4000; count++) {
    const started = performance.now();
    const { statusCode } = await answerGateway(app, event);
    times.push(performance.now() - started);
    if (statusCode !== 200) throw new Error(`The handler answers ${statusCode}.`);
  }
  return quantile(times.slice(2000), 0.5);
}
