import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { instanceType } from './instance-metadata.ts';

/** A metadata service on this machine. @returns what `read` gives, and the requests that it made */
async function at<Result>(
  service: RequestListener,
  read: (environment: NodeJS.ProcessEnv) => Promise<Result>,
): Promise<{ readonly result: Result; readonly requests: readonly string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    service(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    return { result: await read({ AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${port}` }), requests };
  } finally {
    server.close();
  }
}

const ofVersion2: RequestListener = ({ method, url, headers }, response) => {
  if (method === 'PUT') response.end(headers['x-aws-ec2-metadata-token-ttl-seconds'] ? 'a-token' : '');
  else if (headers['x-aws-ec2-metadata-token'] !== 'a-token') response.writeHead(401).end();
  else response.end(url === '/latest/meta-data/instance-type' ? 'g5.xlarge' : '');
};

test('the type is read with a token', async () => {
  expect(await at(ofVersion2, instanceType)).toEqual({
    result: 'g5.xlarge',
    requests: ['PUT /latest/api/token', 'GET /latest/meta-data/instance-type'],
  });
});

test('a service that refuses, or none, is no failure', async () => {
  const refusing: RequestListener = (_, response) => response.writeHead(403).end();
  expect((await at(refusing, instanceType)).result).toBeUndefined();
  expect(await instanceType({ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' })).toBeUndefined();
});

test('nothing is asked where the metadata are disabled', async () => {
  const disabled = (environment: NodeJS.ProcessEnv) =>
    instanceType({ ...environment, AWS_EC2_METADATA_DISABLED: 'true' });
  expect(await at(ofVersion2, disabled)).toEqual({ result: undefined, requests: [] });
});
