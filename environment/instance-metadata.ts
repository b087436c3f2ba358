import { request } from 'node:http';
import { variable } from './variables.ts';

/** Where an EC2 instance finds its metadata, from the host and from containers that share the host's network. */
const ENDPOINT = 'http://169.254.169.254';

/** Seconds in which an answer is there, where there is one at all. */
const ANSWER_SECONDS = 2;

/**
 * The base address of the instance's metadata, chosen as the AWS SDK does; undefined where the environment says that there are
 * none. Elsewhere than on EC2 nothing answers there.
 */
export function metadataAddress(environment: NodeJS.ProcessEnv): string | undefined {
  const disabled = environment[variable.metadataDisabled];
  if (disabled && disabled !== 'false') return undefined;
  return environment[variable.metadataEndpoint] || ENDPOINT;
}

/**
 * The type of the EC2 instance on which this process runs, such as `g5.xlarge`; undefined elsewhere, and where the environment
 * says that there are no metadata. Only a token of version 2 is used.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
 */
export async function instanceType(environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const base = metadataAddress(environment);
  if (base === undefined) return undefined;
  const signal = () => AbortSignal.timeout(1000 * ANSWER_SECONDS);
  try {
    const lifetime = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
    const token = await askMetadata('PUT', new URL('/latest/api/token', base), lifetime, signal());
    if (token.status !== 200) return undefined;
    const headers = { 'X-aws-ec2-metadata-token': token.body.toString().trim() };
    const type = await askMetadata('GET', new URL('/latest/meta-data/instance-type', base), headers, signal());
    return type.status === 200 ? type.body.toString().trim() || undefined : undefined;
  } catch {
    return undefined; // not on EC2, or the container is kept from asking
  }
}

/**
 * Sends a request for metadata, past any proxy: the address is the instance's own. Each has a connection of its own: one that is
 * kept may have been closed by the time of the next.
 *
 * @throws {Error} nothing answers, or the signal is aborted
 */
export async function askMetadata(
  method: 'GET' | 'PUT',
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return await new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, signal, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => void chunks.push(chunk));
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
      answer.once('error', reject);
    });
    asked.once('error', reject).end();
  });
}
