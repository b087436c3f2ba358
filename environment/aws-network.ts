import type { Agent } from 'node:http';
import { UserError } from '#errors/user-error.ts';
import { proxyAgents, proxyFor } from '#setup/proxy.mjs';

/** Part of the configuration of a client of the AWS SDK. */
export interface AwsNetwork {
  readonly requestHandler?: Handler;
  /** The configuration of the clients with which the SDK signs in. */
  readonly clientConfig?: { readonly requestHandler: Handler };
}

interface Handler {
  readonly httpAgent: Agent;
  readonly httpsAgent: Agent;
}

/**
 * What sends an AWS client's requests through the proxy of HTTPS_PROXY, if there is one; the SDK ignores the variable.
 *
 * @throws {UserError} the variable does not name a proxy for HTTP
 */
export function awsNetwork(): AwsNetwork {
  try {
    const addresses = ['https://s3.amazonaws.com', 'http://s3.amazonaws.com'];
    if (addresses.every((address) => proxyFor(new URL(address)) === undefined)) return {};
  } catch (error) {
    throw failure((error as Error).message, error);
  }
  const requestHandler = proxyAgents({ fail: failure });
  return { requestHandler, clientConfig: { requestHandler } };
}

function failure(message: string, cause: unknown): UserError {
  return new UserError(message, { cause });
}
