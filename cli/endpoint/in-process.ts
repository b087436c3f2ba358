import { createApp } from '#inference/app.ts';
import { liveModels } from '#inference/serving/live-models.ts';
import { NoModelYet } from '#inference/serving/model-errors.ts';
import { openServedStore } from '#inference/serving/served-store.ts';
import { readAlias } from '#models/aliases.ts';
import type { Endpoint } from './endpoint.ts';

/** Milliseconds: nobody else waits for this process. */
const LOADING = 120_000;

/**
 * The endpoint over a store, without a server: the same program gives the same answers and refusals in this process. It
 * answers by `production`, or by the version trained last where none was promoted.
 *
 * @param url a folder or `s3://<bucket>`
 * @throws {UsageError} it is neither. @throws {NoModelYet} it has no model
 */
export async function openInProcess(url: string): Promise<Endpoint & { readonly alias: string }> {
  const store = await openServedStore(url);
  const alias = (
    await Promise.all(['production', 'candidate'].map(async (name) => (await readAlias(store, name)) && name))
  ).find((name) => name !== undefined);
  if (alias === undefined) throw new NoModelYet('production', store);
  let defect: unknown;
  const log = (_level: string, _message: string, facts: Readonly<Record<string, unknown>> = {}) => {
    defect ??= facts.error;
  };
  const times = { refreshAfter: LOADING, staleAfter: LOADING, maxWait: LOADING, timeout: LOADING };
  const app = createApp({ models: liveModels({ store, alias, log, times }), log });
  return {
    url: store.url,
    apiKey: undefined,
    alias,
    async answer(request) {
      const response = await app.fetch(request);
      if (response.status === 500) throw defect; // A client gets no more than the number of a line in the log.
      return response;
    },
  };
}
