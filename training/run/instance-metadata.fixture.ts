import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the server behaves; may be changed while it runs. */
export interface MetadataState {
  /** The body of `spot/instance-action`. @default no notice: 404 */
  notice?: string | undefined;
  /** The status of every answer, as where the metadata are switched off: 403. @default as documented */
  refusal?: number | undefined;
  /** Whether requests get no answer. @default false */
  isSilent?: boolean;
}

export interface LoopbackMetadata extends AsyncDisposable {
  readonly url: string;
  /** Method and path of each request, in order. */
  readonly requests: readonly string[];
  /** From now on the tokens that were given are expired. */
  expireTokens(): void;
}

/**
 * The metadata of an EC2 instance that requires version 2, on this machine: a token by PUT with its time to live, and 401 for
 * what is asked without one, or with one that has expired.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
export async function instanceMetadataOnLoopback(state: MetadataState): Promise<LoopbackMetadata> {
  const requests: string[] = [];
  const tokens = new Set<string>();
  let given = 0;
  const answerTo = (method: string, path: string, headers: NodeJS.Dict<string | string[]>): [number, string] => {
    if (state.refusal !== undefined) return [state.refusal, ''];
    if (method === 'PUT' && path === '/latest/api/token') {
      const seconds = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
      if (!(seconds >= 1 && seconds <= 21_600)) return [400, ''];
      const token = `token-${given++}`;
      tokens.add(token);
      return [200, token];
    }
    if (!tokens.has(String(headers['x-aws-ec2-metadata-token']))) return [401, ''];
    if (method !== 'GET' || path !== '/latest/meta-data/spot/instance-action') return [404, ''];
    return state.notice === undefined ? [404, ''] : [200, state.notice];
  };
  const server = createServer(({ method = '', url = '', headers }, response) => {
    requests.push(`${method} ${url}`);
    if (state.isSilent) return;
    const [status, body] = answerTo(method, url, headers);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    expireTokens: () => tokens.clear(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A notice as EC2 writes it. @param seconds from now until the instance goes; two minutes in a real one */
export function reclaimNotice(seconds = 120): string {
  const time = new Date(1000 * Math.round(Date.now() / 1000 + seconds)).toISOString().replace('.000', '');
  return JSON.stringify({ action: 'terminate', time });
}
