import { APIGatewayClient, type APIGatewayClientConfig, GetApiKeyCommand } from '@aws-sdk/client-api-gateway';

/** Where the APIs of a region are. */
export interface ApiAddress {
  /** The address of another cloud than AWS, as AWS_ENDPOINT_URL or the profile names it. */
  readonly otherOrigin?: string;
  /** @returns the address of an API's stage, without a slash at its end */
  of(api: string, stage: string): string;
}

/**
 * The domains of AWS's partitions, by the domains at which their APIs are asked: that of IPv4 itself, and that of both IPv4 and
 * IPv6. APIs that are deployed without a domain of their own are called at the former.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html
 * @see https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html for China; the others as the SDK has them
 */
const DOMAINS: Readonly<Record<string, string>> = {
  'amazonaws.com': 'amazonaws.com',
  'api.aws': 'amazonaws.com',
  'amazonaws.com.cn': 'amazonaws.com.cn',
  'api.amazonwebservices.com.cn': 'amazonaws.com.cn',
  'amazonaws.eu': 'amazonaws.eu',
  'api.amazonwebservices.eu': 'amazonaws.eu',
  'c2s.ic.gov': 'c2s.ic.gov',
  'api.aws.ic.gov': 'c2s.ic.gov',
  'sc2s.sgov.gov': 'sc2s.sgov.gov',
  'api.aws.scloud': 'sc2s.sgov.gov',
  'cloud.adc-e.uk': 'cloud.adc-e.uk',
  'api.cloud-aws.adc-e.uk': 'cloud.adc-e.uk',
  'csp.hci.ic.gov': 'csp.hci.ic.gov',
  'api.aws.hci.ic.gov': 'csp.hci.ic.gov',
};

/** Follows the SDK, which sends requests for API Gateway to AWS unless AWS_ENDPOINT_URL or the profile name another endpoint. */
export async function apiAddress(config: APIGatewayClientConfig & { readonly region: string }): Promise<ApiAddress> {
  const origin = await originOf(config);
  const host = new URL(origin).hostname;
  const domain = Object.keys(DOMAINS).find((each) => host.endsWith(`.${config.region}.${each}`));
  if (domain === undefined) return emulatedApis(origin);
  return { of: (api, stage) => `https://${api}.execute-api.${config.region}.${DOMAINS[domain]}/${stage}` };
}

/** The APIs of a LocalStack. @param origin such as `http://127.0.0.1:4566` */
export function emulatedApis(origin: string): ApiAddress {
  return { otherOrigin: origin, of: (api, stage) => `${origin}/_aws/execute-api/${api}/${stage}` };
}

/** Where the SDK would send a request. */
async function originOf(config: APIGatewayClientConfig): Promise<string> {
  const gateway = new APIGatewayClient(config);
  let origin = '';
  gateway.middlewareStack.add(
    () => async (args) => {
      const { protocol, hostname, port } = args.request as { protocol: string; hostname: string; port?: number };
      origin = `${protocol}//${hostname}${port ? `:${port}` : ''}`;
      return { response: undefined, output: { $metadata: {} } };
    },
    { step: 'build', name: 'doNotSend' },
  );
  await gateway.send(new GetApiKeyCommand({ apiKey: 'none' }));
  return origin;
}
