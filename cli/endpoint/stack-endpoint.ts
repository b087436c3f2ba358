import { STSClient } from '@aws-sdk/client-sts';
import type { Sign } from '#inference/client/client.ts';
import { requestSigner } from '#inference/client/sign.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { StackOutputs, Target } from '../stack/target.ts';

export interface StackEndpoint {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly sign?: Sign;
  readonly store: () => Promise<ObjectStore>;
}

/** The endpoint of a stack, with the key that it asks for, or the signatures of who uses the target. */
export async function stackEndpoint(target: Target, stack: StackOutputs): Promise<StackEndpoint> {
  return {
    url: target.apiUrl(stack),
    apiKey: await target.apiKey(stack),
    ...(stack.Auth === 'iam' ? { sign: signerOf(target) } : {}),
    store: target.store,
  };
}

/** Any client of the SDK finds the user's credentials, and renews them. */
function signerOf({ region, clientConfig }: Target): Sign {
  const { credentials } = new STSClient(clientConfig).config;
  return requestSigner({ region, credentials: () => credentials() });
}
