import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { awsNetwork } from '#environment/aws-network.ts';
import { UserError } from '#errors/user-error.ts';
import type { ListedPicture } from '#models/plans/classify-result.ts';
import { explained, s3Client } from '#models/stores/s3-client.ts';
import { MOST_BYTES, type PictureReader, problems, type ReadPicture } from './picture-reader.ts';
import { encodePath, signedHeaders } from './sign-request.ts';

/** Milliseconds before an object is asked for again, twice each at random. */
const WAITS = [200, 500, 1_000, 2_000, 5_000];
/** Milliseconds on a connection without a byte. */
const SILENCE = 30_000;

/** Where the objects of a bucket are asked for. */
interface Address {
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number | undefined;
  /** Before a key: `/`, or the bucket's name too. */
  readonly base: string;
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

/**
 * Reads the objects of buckets, as the standard AWS environment leads to them. An object is only taken if it still has the entity tag
 * of the list (`If-Match`). Requests that S3 fails, or slows down, are repeated.
 *
 * @param waits milliseconds between two tries. @default 200 to 5,000
 */
export function bucketReader({ waits = WAITS }: { readonly waits?: readonly number[] } = {}): PictureReader {
  const client = s3Client();
  const agents = awsNetwork().requestHandler ?? {
    httpAgent: new HttpAgent({ keepAlive: true }),
    httpsAgent: new HttpsAgent({ keepAlive: true }),
  };
  const addresses = new Map<string, Promise<Address>>();
  const addressOf = (bucket: string) => {
    const address = addresses.get(bucket) ?? findAddress(client, bucket);
    addresses.set(bucket, address);
    return address;
  };

  async function ask({ bucket, key }: Place, etag: string): Promise<Answer> {
    const { isSecure, hostname, port, base } = await addressOf(bucket);
    const host = port === undefined ? hostname : `${hostname}:${port}`;
    const path = `${base}${encodePath(key)}`;
    const signing = { region: await client.config.region() };
    const headers = signedHeaders(
      { host, path, headers: { 'if-match': etag } },
      await client.config.credentials(),
      signing,
    );
    const agent = isSecure ? agents.httpsAgent : agents.httpAgent;
    return await new Promise<Answer>((resolve, reject) => {
      const options = { ...(port !== undefined && { port }), hostname, path, headers, agent, timeout: SILENCE };
      const request = (isSecure ? requestHttps : requestHttp)(options, (response) => {
        collect(response, (body) => resolve({ status: response.statusCode ?? 0, body }), reject);
      });
      request.on('timeout', () => request.destroy(new Error(`${host} was silent for ${SILENCE / 1000} s`)));
      request.on('error', reject);
      request.end();
    });
  }

  async function askPatiently(place: Place, etag: string): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      const wait = waits[tries];
      const answer = await ask(place, etag).catch((error: unknown) => {
        const clear = explained(error, place.bucket);
        if (clear instanceof UserError || wait === undefined) throw clear;
      });
      if (answer && (wait === undefined || !isPassing(answer.status))) return answer;
      await sleep(wait! * (1 + Math.random()));
    }
  }

  /** Whether an object exists that may not be read; S3 answers 403 for both to who may not list. */
  async function isListed({ bucket, key }: Place): Promise<boolean> {
    try {
      const asked = new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 });
      return (await client.send(asked)).Contents?.[0]?.Key === key;
    } catch {
      return true;
    }
  }

  let isAnyGiven = false;
  let refused: UserError | undefined;
  return {
    async read({ file, etag, size }: ListedPicture): Promise<ReadPicture> {
      if (etag === undefined) return { problem: problems.neverThere(file), isChanged: true };
      if (size > MOST_BYTES) return { problem: problems.large(file, size), isChanged: false };
      const place = placeOf(file);
      const { status, body } = await askPatiently(place, etag);
      if (status === 200) {
        isAnyGiven = true;
        return body.length === 0 ? { problem: problems.empty(file), isChanged: false } : { bytes: body };
      }
      const code = /<Code>(.*?)<\/Code>/.exec(new TextDecoder().decode(body))?.[1] ?? '';
      if (status === 412) {
        isAnyGiven = true; // S3 compares only what may be read.
        return { problem: problems.changed(file), isChanged: true };
      }
      if (status === 404 && code !== 'NoSuchBucket') return { problem: problems.gone(file), isChanged: true };
      if (code === 'InvalidObjectState') {
        return { problem: `${file} is in an archive of S3. Restore it, then classify it again.`, isChanged: false };
      }
      if (status === 403 && code === 'AccessDenied' && !(await isListed(place))) {
        return { problem: problems.gone(file), isChanged: true };
      }
      if (!isOfObject(code)) throw failure(file, place, status, code);
      const problem = `${file} may not be read (${code}): the credentials have no right to s3:GetObject there, or to the key that it is encrypted with.`;
      const advice = `Deploy the stack with "--pictures ${place.bucket}", and let the bucket's policy allow the role of its jobs.`;
      refused ??= new UserError(`${problem} ${advice}`);
      return { problem, isChanged: false };
    },
    refusal: () => (isAnyGiven ? undefined : refused),
    close() {
      client.destroy();
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

interface Place {
  readonly bucket: string;
  readonly key: string;
}

function placeOf(file: string): Place {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(file) ?? [];
  return { bucket, key };
}

/** S3 is busy or fails, which passes. */
function isPassing(status: number): boolean {
  return status === 429 || status >= 500;
}

/**
 * Whether S3 may refuse one object for this, and give another: each has a key and an access control list of its own.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
function isOfObject(code: string): boolean {
  return code === 'AccessDenied' || code === 'InvalidRequest' || code.startsWith('KMS.');
}

/** What concerns all objects: the bucket, its region, the credentials. */
function failure(file: string, { bucket }: Place, status: number, code: string): UserError {
  if (code === 'NoSuchBucket')
    return new UserError(`s3://${bucket} does not exist any more. Nothing of it was classified.`);
  if (status === 301 || code === 'AuthorizationHeaderMalformed') {
    return new UserError(`s3://${bucket} is in another region. Set AWS_REGION to its own.`);
  }
  return new UserError(`S3 does not give ${file} (${status} ${code}).`);
}

/** As the SDK's client would ask for an object: with all that the environment says of endpoints. Nothing is sent. */
async function findAddress(client: S3Client, bucket: string): Promise<Address> {
  const command = new GetObjectCommand({ Bucket: bucket, Key: 'key' });
  let found: Address | undefined;
  command.middlewareStack.add(
    () =>
      async ({ request }) => {
        const { protocol, hostname, port, path } = request as RequestToSend;
        found = { isSecure: protocol === 'https:', hostname, port, base: path.slice(0, -'key'.length) };
        return { response: request, output: { $metadata: {} } };
      },
    { step: 'build', priority: 'low', name: 'find-address' },
  );
  try {
    await client.send(command);
  } catch (error) {
    throw explained(error, bucket);
  }
  return found!;
}

interface RequestToSend {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  readonly path: string;
}

/** The whole body. By events: an iterator over a small body takes as long as all the rest of a request. */
function collect(
  response: IncomingMessage,
  onWhole: (body: Uint8Array) => void,
  onError: (error: Error) => void,
): void {
  const chunks: Uint8Array[] = [];
  response.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  response.on('end', () => onWhole(new Uint8Array(Buffer.concat(chunks)))); // Of its own, not a part of what many share.
  response.on('error', onError); // Also where it breaks off.
}
