import { createHash, createHmac } from 'node:crypto';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface UnsignedRequest {
  readonly host: string;
  /** Encoded as `encodePath` does. */
  readonly path: string;
  /** Further headers, by names in lower case; all of them are signed. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The digest of no bytes: a GET request has no body. */
const NO_BODY = createHash('sha256').digest('hex');

/**
 * The headers of a GET request to S3 with AWS's signature, version 4. The SDK's client takes three to seven times the processor
 * time for a small object: 1.2 to 1.5 ms, as much as a network of ours does for its picture.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function signedHeaders(
  { host, path, headers = {} }: UnsignedRequest,
  { accessKeyId, secretAccessKey, sessionToken }: Credentials,
  { region, now = new Date() }: { readonly region: string; readonly now?: Date },
): Record<string, string> {
  const time = `${now.toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  const day = time.slice(0, 8);
  const signed: Record<string, string> = {
    ...headers,
    host,
    'x-amz-content-sha256': NO_BODY,
    'x-amz-date': time,
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(signed).sort();
  const list = names.join(';');
  const canonical = ['GET', path, '', ...names.map((name) => `${name}:${signed[name]}`), '', list, NO_BODY];
  const scope = `${day}/${region}/s3/aws4_request`;
  const digest = createHash('sha256').update(canonical.join('\n')).digest('hex');
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${digest}`;
  const signature = createHmac('sha256', signingKey(secretAccessKey, day, region))
    .update(text)
    .digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${list}, Signature=${signature}`;
  return { ...signed, authorization };
}

function signingKey(secret: string, day: string, region: string): Buffer {
  let key: string | Buffer = `AWS4${secret}`;
  for (const part of [day, region, 's3', 'aws4_request']) key = createHmac('sha256', key).update(part).digest();
  return key as Buffer;
}

/** A key as it stands in a URL: everything but letters, digits, `-._~` and slashes as bytes of UTF-8. */
export function encodePath(key: string): string {
  const escaped = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return key
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll(/[!'()*]/g, escaped))
    .join('/');
}
