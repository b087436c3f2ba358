import {
  GetAliasCommand,
  LambdaClient,
  PreconditionFailedException,
  ResourceNotFoundException,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import { UserError } from '#errors/user-error.ts';
import type { Target } from './target.ts';

/** The alias that API Gateway asks: `infra/classify/classifier-function.ts`. */
const LIVE = 'live';

/** What answers the endpoint's callers. */
export interface LiveCode {
  /** The function's name. */
  readonly function: string;
  /** The version that the alias names, such as `3`. */
  readonly version: string;
  /** The version that has a part of the requests, while they go over to it. */
  readonly next: string | undefined;
  /** Changes with every change of the alias. */
  readonly revision: string | undefined;
}

/** @returns `undefined` where there is no alias, as in a stack of an earlier release */
export async function readLiveCode(target: Target, name: string | undefined): Promise<LiveCode | undefined> {
  if (name === undefined) return undefined;
  try {
    const alias = await new LambdaClient(target.clientConfig).send(
      new GetAliasCommand({ FunctionName: name, Name: LIVE }),
    );
    const [next] = Object.keys(alias.RoutingConfig?.AdditionalVersionWeights ?? {});
    return { function: name, version: alias.FunctionVersion ?? '', next, revision: alias.RevisionId };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/**
 * Gives a version all requests.
 *
 * @param live as it was read: if it was changed meanwhile, it stays as it is
 * @throws {UserError} it was
 */
export async function moveLiveCode(target: Target, live: LiveCode, version: string): Promise<void> {
  try {
    await new LambdaClient(target.clientConfig).send(
      new UpdateAliasCommand({
        ...{ FunctionName: live.function, Name: LIVE, FunctionVersion: version },
        ...{ RoutingConfig: { AdditionalVersionWeights: {} }, RevisionId: live.revision },
      }),
    );
  } catch (error) {
    if (!(error instanceof PreconditionFailedException)) throw error;
    throw new UserError(
      `The alias ${LIVE} of ${live.function} was moved by somebody else meanwhile, and stays there.`,
      { cause: error },
    );
  }
}
