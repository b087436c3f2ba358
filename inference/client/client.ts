import createFetchClient, { type Client } from 'openapi-fetch';
import type { components, operations, paths } from './schema.ts';

type Schemas = components['schemas'];
export type ClassifyAnswer = Schemas['ClassifyAnswer'];
export type Explanation = Schemas['Explanation'];
export type ModelAnswer = NonNullable<Awaited<ReturnType<typeof getModel>>['data']>;
export type Problem = Schemas['Problem'];
export type ClassifyQuery = NonNullable<operations['classify']['parameters']['query']>;

export type EndpointClient = Client<paths>;

export interface EndpointAddress {
  /** With or without a trailing slash; includes the stage of API Gateway. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** Signs each request, for an endpoint that was deployed with `auth=iam`; see `sign.ts`. @default requests are not signed */
  readonly sign?: Sign | undefined;
  /** Answers the requests. @default the global one */
  readonly fetch?: (request: Request) => Promise<Response>;
}

/** @returns the request that is to be sent in place of this one */
export type Sign = (request: Request) => Promise<Request>;

/** A client whose paths, parameters, bodies and answers are typed by the OpenAPI document. */
export function createClient({ url, apiKey, sign, fetch }: EndpointAddress): EndpointClient {
  const send = fetch ?? globalThis.fetch;
  return createFetchClient<paths>({
    baseUrl: url,
    headers: apiKey ? { 'x-api-key': apiKey } : {},
    ...(sign ? { fetch: async (request) => send(await sign(request)) } : fetch ? { fetch } : {}),
    // Images are sent as raw bytes.
    bodySerializer: (body: unknown) => (body instanceof Uint8Array ? body : JSON.stringify(body)),
  });
}

/** Classifies an image. @param image an image file or raw RGB; the endpoint detects which */
export function postImage(
  client: EndpointClient,
  image: Uint8Array<ArrayBuffer>,
  query: ClassifyQuery,
  signal?: AbortSignal,
) {
  return client.POST('/classify', {
    body: image,
    headers: { 'content-type': 'application/octet-stream' },
    params: { query },
    ...(signal ? { signal } : {}),
  });
}

export function getModel(
  client: EndpointClient,
  query: NonNullable<operations['getModel']['parameters']['query']> = {},
  signal?: AbortSignal,
) {
  return client.GET('/model', { params: { query }, ...(signal ? { signal } : {}) });
}
