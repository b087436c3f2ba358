import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Sign } from './client.ts';

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
}

export interface SigningOptions {
  /** Where the endpoint is deployed, such as `eu-west-1`. */
  readonly region: string;
  /** Asked before each request, so that temporary credentials may be renewed. */
  readonly credentials: () => Promise<SigningCredentials>;
}

/**
 * Signs requests for an endpoint that was deployed with `auth=iam`, in Node and in browsers. Its options are those of the SDK:
 * any of its credential providers will do.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function requestSigner({ region, credentials }: SigningOptions): Sign {
  const signer = new SignatureV4({
    ...{ service: 'execute-api', region, sha256: Sha256, applyChecksum: false },
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials();
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    },
  });
  return async (request) => {
    const url = new URL(request.url);
    const path = encode(url.pathname, /[^\w.~/%-]/g);
    const query = queryOf(url.searchParams);
    const { method, signal, redirect } = request;
    // Not every browser has request.body.
    const body = /^(GET|HEAD)$/.test(method) ? undefined : new Uint8Array(await request.arrayBuffer());
    const signed = await signer.sign({
      ...{ method, protocol: url.protocol, hostname: url.host, path, query },
      headers: { ...Object.fromEntries(request.headers), host: url.host },
      body,
    });
    const { host: _, ...headers } = signed.headers; // Of the address: fetch sends it itself.
    return new Request(`${url.origin}${path}${searchOf(query)}`, {
      ...{ method, headers, signal, redirect },
      ...(body === undefined ? {} : { body }),
    });
  };
}

type Query = Record<string, string[]>;

function queryOf(parameters: URLSearchParams): Query {
  const names = [...new Set(parameters.keys())];
  return Object.fromEntries(names.map((name) => [name, parameters.getAll(name)]));
}

/** The query in the spelling that is signed: servers disagree on what other spellings, such as `+`, mean. */
function searchOf(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    values.map((value) => `${strictly(name)}=${strictly(value)}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function strictly(text: string): string {
  return encode(encodeURIComponent(text), /[!'()*]/g);
}

function encode(text: string, characters: RegExp): string {
  return text.replace(characters, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
