import { UserError } from '#errors/user-error.ts';
import type { DeployOptions } from '../stack/deploy-options.ts';
import type { Target } from '../stack/target.ts';
import { accountChecks } from './account-checks.ts';
import { examine } from './finding.ts';

/**
 * Looks at the account before a deployment changes anything.
 *
 * @param note is called with each warning
 * @throws {UserError} a problem has to be mended first
 */
export async function lookBeforeDeployment(
  target: Target,
  options: DeployOptions,
  note: (text: string) => void,
): Promise<void> {
  for await (const { state, text } of examine(accountChecks(target, options), target.name)) {
    if (state === 'problem') throw new UserError(text);
    if (state === 'warning') note(text);
  }
}
