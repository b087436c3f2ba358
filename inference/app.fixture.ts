import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { moveAlias, readAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { withDescribedAnswers } from './openapi/conformance.fixture.ts';
import { type ServerOptions, startServer } from './server.ts';
import { type ExampleModel, exampleModel } from './serving/example-model.fixture.ts';

/** Runs `work` with a temporary folder, and deletes it afterwards. */
export async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-inference-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Logged extends Record<string, unknown> {
  readonly level: string;
  readonly message: string;
}

/** The endpoint on a local port. Every answer that `fetch` gets from it is checked against the OpenAPI document. */
export interface Endpoint {
  readonly url: string;
  readonly store: ObjectStore;
  readonly logged: readonly Logged[];
  /** Publishes a model and moves the alias to it. @returns the version's ID */
  promote(model?: ExampleModel, alias?: string): Promise<string>;
}

export async function withEndpoint<Result>(
  work: (endpoint: Endpoint) => Promise<Result>,
  { store: given, wrap = (store) => store, following = {}, origins = [] }: EndpointOptions = {},
): Promise<Result> {
  return withFolder(async (folder) => {
    const store = given ?? folderStore(folder);
    const logged: Logged[] = [];
    const server = await startServer({
      ...{ store: wrap(store), alias: 'production', port: 0, following, origins },
      log: (level, message, facts) => logged.push({ level, message, ...facts }),
    });
    try {
      const endpoint: Endpoint = {
        url: server.url,
        store,
        logged,
        async promote(model, alias = 'production') {
          const to = await publishVersion(store, await cachedModel(model));
          await moveAlias(store, alias, { to, by: 'a test', expected: await readAlias(store, alias) });
          return to;
        },
      };
      return await withDescribedAnswers(server.url, () => work(endpoint));
    } finally {
      await server.close();
    }
  });
}

const made = new Map<string, ReturnType<typeof exampleModel>>();

/** Makes each model once per test file. */
function cachedModel(model: ExampleModel = {}): ReturnType<typeof exampleModel> {
  const key = JSON.stringify(model);
  const files = made.get(key) ?? exampleModel(model);
  made.set(key, files);
  return files;
}

interface EndpointOptions extends Pick<ServerOptions, 'origins'> {
  readonly following?: ServerOptions['following'];
  /** Where models are published. @default a temporary folder */
  readonly store?: ObjectStore;
  /** Wraps the store for the endpoint. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
}
