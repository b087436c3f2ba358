import { Argument, Command } from 'commander';
import { UserError } from '#errors/user-error.ts';
import { type PersonRole, permissionsOf, personRoles, policyDocument } from '../policy/role-policy.ts';
import { openTarget, stageOption, type TargetOptions, targetOption } from '../stack/target.ts';

export function policyCommand(): Command {
  return new Command('policy')
    .description('Print the policy of IAM for a person who reads, submits or deploys, as narrow as it can be.')
    .addArgument(new Argument('<role>', 'what the person does').choices(personRoles))
    .addOption(targetOption())
    .addOption(stageOption())
    .option('--bucket <bucket>', 'the bucket of models, where it is not the stack’s')
    .addHelpText('after', help)
    .action(async (role: PersonRole, options: TargetOptions & { readonly bucket?: string }) => {
      const target = await openTarget(options);
      const stack = await target.stack().catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        process.stderr.write(
          `${error.message} Until then resources are patterns: print the policy again afterwards.\n`,
        );
        return undefined;
      });
      const permissions = permissionsOf(role, target, { stack, bucket: options.bucket });
      process.stdout.write(`${JSON.stringify(policyDocument(permissions), undefined, 2)}\n`);
      for (const { id, why } of permissions) process.stderr.write(`${id.padEnd(14)}${why}\n`);
    });
}

const help = `
  reader      lists models, runs, jobs and logs, and classifies
  submitter   does that, and submits and cancels jobs
  deployer    deploys the stack and rotates its key; an administrator has run "cdk bootstrap" before

The policy is on stdout, and what each of its statements is for on stderr. Nobody gets it by this command:
an administrator attaches it to a user, a group or a role.

Examples:
  ./cifar10 policy reader --target aws > reader.json
  aws iam put-user-policy --user-name ada --policy-name cifar10 --policy-document file://reader.json
  ./cifar10 policy deployer --target aws --stage prod`;
