import type { EndpointAddress } from '#inference/client/client.ts';
import { proxyFetch } from '#setup/proxy.mjs';

/** Sends requests to an endpoint with its key, signed, or as they are: whatever it was deployed to ask for. */
export function authorizedFetch({ apiKey, sign }: Pick<EndpointAddress, 'apiKey' | 'sign'>): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    if (apiKey !== undefined) request.headers.set('x-api-key', apiKey);
    return await proxyFetch(sign ? await sign(request) : request);
  };
}
