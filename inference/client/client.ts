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
  /** With or without a slash at its end; a stage of the gateway is part of it. */
  readonly url: string;
  readonly apiKey?: string | undefined;
}

/** Asks an endpoint by the types of its OpenAPI document: addresses, parameters, bodies and answers. */
export function createClient({ url, apiKey }: EndpointAddress): EndpointClient {
  return createFetchClient<paths>({
    baseUrl: url,
    headers: apiKey ? { 'x-api-key': apiKey } : {},
    // A picture is sent as it is.
    bodySerializer: (body: unknown) => (body instanceof Uint8Array ? body : JSON.stringify(body)),
  });
}

/** @param picture a file as it is, or raw RGB: the bytes say which */
export function postPicture(
  client: EndpointClient,
  picture: Uint8Array<ArrayBuffer>,
  query: ClassifyQuery,
  signal?: AbortSignal,
) {
  return client.POST('/classify', {
    body: picture,
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
