import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { UserError } from '#errors/user-error.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { eventOf, responseOf } from '../endpoint/gateway-event.ts';
import type { Target } from '../stack/target.ts';

/** The program ended without an answer. The message is what it said. */
class ProgramFailed extends UserError {
  override readonly name = 'ProgramFailed';
}

/** A version of the code, called with the events of API Gateway but without it: whatever the alias says, this one answers. */
export function codeEndpoint(target: Target, name: string, version: string): Endpoint {
  const client = new LambdaClient(target.clientConfig);
  return {
    url: `version ${version} of ${name}`,
    apiKey: undefined,
    async answer(request) {
      const { Payload, FunctionError, ExecutedVersion } = await client.send(
        new InvokeCommand({
          ...{ FunctionName: name, Qualifier: version },
          Payload: JSON.stringify(await eventOf(request)),
        }),
      );
      const returned = JSON.parse(Payload?.transformToString() || 'null');
      if (FunctionError !== undefined) throw new ProgramFailed(describe(returned));
      if (ExecutedVersion !== version) throw new UserError(`Version ${ExecutedVersion} answered, not ${version}.`);
      return responseOf(returned);
    },
  };
}

/** An error of Lambda's: `{"errorType": …, "errorMessage": …}`. */
function describe(returned: unknown): string {
  const { errorType = 'Error', errorMessage = '' } = (returned ?? {}) as Readonly<Record<string, string | undefined>>;
  return `${errorType}: ${errorMessage}`.slice(0, 500);
}
