import { APIGatewayClient, GetApiKeyCommand } from '@aws-sdk/client-api-gateway';
import { afterEach, expect, test, vi } from 'vitest';
import { apiAddress } from './api-address.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const hostname = /^apigateway\.[a-z0-9-]+\.(?<domain>.+)$/;

afterEach(() => vi.unstubAllEnvs());

/** A region of each of AWS's partitions. */
const regions = [
  ['eu-west-1', 'amazonaws.com'],
  ['cn-north-1', 'amazonaws.com.cn'],
  ['cn-northwest-1', 'amazonaws.com.cn'],
  ['us-gov-west-1', 'amazonaws.com'],
  ['eusc-de-east-1', 'amazonaws.eu'],
  ['us-iso-east-1', 'c2s.ic.gov'],
  ['us-isob-east-1', 'sc2s.sgov.gov'],
  ['eu-isoe-west-1', 'cloud.adc-e.uk'],
  ['us-isof-south-1', 'csp.hci.ic.gov'],
] as const;

test.each(regions)('APIs of %s are under %s, whatever the SDK is set to use', async (region, domain) => {
  for (const settings of [{}, { useDualstackEndpoint: true }, { useFipsEndpoint: true }]) {
    const apis = await apiAddress({ region, credentials, ...settings });
    expect(apis.otherOrigin).toBeUndefined();
    expect(apis.of('abc123', 'prod')).toBe(`https://abc123.execute-api.${region}.${domain}/prod`);
  }
  expect(await domainOfSdk(region)).toBe(domain);
});

test('another endpoint is followed', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:4566');
  const apis = await apiAddress({ region: 'eu-west-1', credentials });
  expect(apis.otherOrigin).toBe('http://127.0.0.1:4566');
  expect(apis.of('abc123', 'prod')).toBe('http://127.0.0.1:4566/_aws/execute-api/abc123/prod');
});

/** The domain at which the SDK asks for a region's APIs. */
async function domainOfSdk(region: string): Promise<string | undefined> {
  const client = new APIGatewayClient({ region, credentials });
  let host = '';
  client.middlewareStack.add(
    () =>
      async ({ request }) => {
        host = (request as { hostname: string }).hostname;
        return { response: undefined, output: { $metadata: {} } };
      },
    { step: 'build' },
  );
  await client.send(new GetApiKeyCommand({ apiKey: 'none' }));
  return hostname.exec(host)?.groups?.domain;
}
