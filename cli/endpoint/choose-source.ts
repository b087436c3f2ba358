import { Option } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { findLocalStack } from '#local/localstack.ts';
import { localTarget, type TargetName, type TargetOptions } from '../stack/target.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import { runningServers } from './running-servers.ts';

export interface SourceOptions {
  readonly endpoint?: string;
  readonly apiKey?: string;
  readonly target?: TargetName;
  readonly stage?: TargetOptions['stage'];
  readonly store?: string;
}

/** Where answers come from: an endpoint, or a store, from which this process answers. */
export type Source = { readonly endpoint: Endpoint } | { readonly store: string };

/** An option that only an answer's source decides: without it, and without a stage, there is no default target. */
export const sourceTargetOption = () =>
  new Option('--target <target>', 'ask the endpoint of the stack: on LocalStack, or in your AWS account').choices([
    'local',
    'aws',
  ]);

/**
 * One rule for every command that asks for answers: `--endpoint` if given, else `--target` if given; `--store` answers in
 * this process. With none of them the endpoint on LocalStack answers if it is up, else this clone's store, and stderr says
 * so.
 *
 * @throws {UsageError} they contradict each other, or one is not valid. @throws {UserError} the target has no endpoint
 */
export async function chooseSource({ endpoint, apiKey, stage, store, ...options }: SourceOptions): Promise<Source> {
  const target = options.target ?? (stage && 'local');
  if (store !== undefined) {
    if (endpoint !== undefined || target !== undefined) {
      const other = endpoint !== undefined ? '--endpoint' : options.target === undefined ? '--stage' : '--target';
      throw new UsageError(`--store answers in this process, and ${other} asks an endpoint. Give one of them.`);
    }
    return { store };
  }
  if (endpoint !== undefined) return { endpoint: await openEndpoint({ endpoint, apiKey, target: 'local' }) };
  if (target !== undefined) {
    return {
      endpoint: await openEndpoint({ target, stage, apiKey }).catch(async (error: unknown) => {
        throw target === 'local' ? await namingServers(error) : error;
      }),
    };
  }
  if (await isLocalEndpointUp()) return { endpoint: await openEndpoint({ target: 'local', apiKey }) };
  process.stderr.write(`No endpoint is up on LocalStack: answering from ${defaultStore}.\n`);
  return { store: defaultStore };
}

/** The error, with the address of a running server: it may be what was meant. */
export async function namingServers(error: unknown): Promise<unknown> {
  if (!(error instanceof UserError)) return error;
  const hint = await serversHint();
  if (hint !== '') error.message += hint;
  return error;
}

async function serversHint(): Promise<string> {
  const [url] = await runningServers();
  return url === undefined ? '' : ` A "cifar10 serve" is running: --endpoint ${url} asks it.`;
}

async function isLocalEndpointUp(): Promise<boolean> {
  const localStack = await findLocalStack();
  if (!localStack) return false;
  return localTarget(localStack.endpoint)
    .stack()
    .then(
      () => true,
      (error: unknown) => {
        if (error instanceof UserError) return false; // Nothing is deployed.
        throw error;
      },
    );
}
