import { shownPath } from '#environment/home.ts';
import { UserError } from '#errors/user-error.ts';
import { logFile } from '#local/instance.ts';
import { defaultFolder } from '#local/localstack.ts';

/** LocalStack ended, or hangs, while a command was using it. */
export class LocalStackGone extends UserError {
  override readonly name = 'LocalStackGone';

  constructor(failure: string, address: string | undefined, cause: unknown) {
    super(
      `LocalStack no longer answers${address === undefined ? '' : ` at ${address}`} (${failure}): it has ended, or hangs. Its log is ${shownPath(logFile(defaultFolder))}. ` +
        'Start it again with "./cifar10 local up && ./cifar10 deploy", which restores the models; then run the same ' +
        'command again. A training run that it had begun resumes with "./cifar10 submit <recipe> --run <run>".',
      { cause },
    );
  }
}

/** Failures of a connection, by the system's or the AWS SDK's name. */
const connectionFailures: readonly string[] = [
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'TimeoutError'],
];

const loopback = /^(127\.|::1$|localhost$)/;

/**
 * A failed connection of the AWS SDK to this machine, where nothing but LocalStack is an AWS, also as the cause of an error.
 *
 * @param isAws whether the command talked to an AWS account
 * @returns `undefined` for any other error
 */
export function localStackGone(error: unknown, isAws: boolean): LocalStackGone | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof LocalStackGone) return each;
    if (!('$metadata' in each)) continue;
    const { code = '', address, port } = each as NodeJS.ErrnoException & { address?: string; port?: number };
    const failure = [code, each.name].find((name) => connectionFailures.includes(name));
    // Only a refused connection carries its address.
    const isHere = address === undefined ? !isAws : loopback.test(address);
    const where = port === undefined ? address : `${address}:${port}`;
    if (failure && isHere) return new LocalStackGone(failure, where, error);
  }
  return undefined;
}
