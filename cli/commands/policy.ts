import { Argument, Command } from 'commander';
import { UserError } from '#errors/user-error.ts';
import { type PersonRole, permissionsOf, personRoles, policyDocument } from '../policy/role-policy.ts';
import { openTarget, stageOption, type TargetOptions, targetOption } from '../stack/target.ts';

export function policyCommand(): Command {
  return new Command('policy')
    .description('Print the IAM policy for a person who reads, submits, operates or deploys, as narrow as AWS allows.')
    .addArgument(new Argument('<role>', 'what the person does').choices(personRoles))
    .addOption(targetOption())
    .addOption(stageOption())
    .addHelpText('after', help)
    .action(async (role: PersonRole, options: TargetOptions) => {
      const target = await openTarget(options);
      const stack = await target.stack().catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        process.stderr.write(
          `${error.message} Until then resources are patterns: print the policy again afterwards.\n`,
        );
        return undefined;
      });
      const permissions = permissionsOf(role, target, stack);
      process.stdout.write(`${JSON.stringify(policyDocument(permissions), undefined, 2)}\n`);
      for (const { id, why } of permissions) process.stderr.write(`${id.padEnd(14)}${why}\n`);
    });
}

const help = `
  reader      lists models, runs, jobs and logs, and classifies
  submitter   does that, and submits and cancels jobs
  operator    does what a reader does, and promotes, rolls back and deletes models
  deployer    deploys and deletes the stack, and rotates its key; an administrator has run "cdk bootstrap"

The policy is on stdout, and what each of its statements is for on stderr. Nobody gets it by this command:
an administrator makes it a managed policy, and attaches that to users, groups or roles. As an inline
policy of a user it may be too long: IAM takes 2,048 characters there, and 6,144 in a managed one.

Examples:
  ./cifar10 policy reader --target aws > reader.json
  aws iam create-policy --policy-name cifar10-reader --policy-document file://reader.json
  ./cifar10 policy deployer --target aws --stage prod`;
