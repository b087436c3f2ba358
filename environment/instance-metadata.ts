import { request } from 'node:http';
import { variable } from './variables.ts';

/** Where an EC2 instance finds its metadata, from the host and from containers that share the host's network. */
const ENDPOINT = 'http://169.254.169.254';

/** Seconds in which an answer is there, where there is one at all. */
const ANSWER_SECONDS = 2;

/**
 * The type of the EC2 instance on which this process runs, such as `g5.xlarge`; undefined elsewhere, and where the environment
 * says that there are no metadata. Only a token of version 2 is used, and no proxy is asked.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
 */
export async function instanceType(environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const disabled = environment[variable.metadataDisabled];
  if (disabled && disabled !== 'false') return undefined;
  const base = environment[variable.metadataEndpoint] || ENDPOINT;
  try {
    const token = await ask('PUT', new URL('/latest/api/token', base), {
      'X-aws-ec2-metadata-token-ttl-seconds': '60',
    });
    const headers = { 'X-aws-ec2-metadata-token': token };
    return (await ask('GET', new URL('/latest/meta-data/instance-type', base), headers)) || undefined;
  } catch {
    return undefined; // not on EC2, or the container is kept from asking
  }
}

async function ask(method: 'GET' | 'PUT', url: URL, headers: Readonly<Record<string, string>>): Promise<string> {
  const signal = AbortSignal.timeout(1000 * ANSWER_SECONDS);
  return await new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, signal, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.once('error', reject).once('end', () => {
        if (answer.statusCode === 200) resolve(text.trim());
        else reject(new Error(`${url} answers ${answer.statusCode}`));
      });
    });
    asked.once('error', reject).end();
  });
}
