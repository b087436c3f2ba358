import { fileURLToPath } from 'node:url';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { variable } from '#environment/variables.ts';
import { createApp } from './app.ts';
import { answerGateway } from './http/api-gateway.ts';
import { readPage } from './page/page.ts';
import { liveModels } from './serving/live-models.ts';
import { openServedStore } from './serving/served-store.ts';
import { jsonLog } from './telemetry/log.ts';
import { withMetrics } from './telemetry/metrics-log.ts';

const log = withMetrics(
  jsonLog((line) => process.stdout.write(line)),
  process.env[variable.metrics],
);
const store = await openServedStore(environment(variable.store));
const megabytes = process.env[variable.functionMemory];
const memory = megabytes === undefined ? undefined : Number(megabytes) * 2 ** 20;
const models = liveModels({ store, alias: environment(variable.alias), log, memory });
const page = () => readPage(fileURLToPath(new URL('page', import.meta.url)));
const origins = (process.env[variable.origins] ?? '').split(/[\s,]+/).filter(Boolean);
const app = createApp({ models, log, origins, page: { store, page } });

// Loads the model while Lambda initializes, at full CPU. If that fails, requests answer why.
const loading = models.use(undefined, () => {});
void new Response(); // Node loads its fetch classes on first use: do it now, while waiting for the store.
await loading.catch((error: unknown) => log('warn', 'started without a model', { error }));

export async function handler(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> {
  return answerGateway(app, event);
}

function environment(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`The environment variable ${name} is not set.`);
  return value;
}
