import { Command } from 'commander';
import pc from 'picocolors';
import type { Check, Finding } from '../doctor/finding.ts';
import { examine } from '../doctor/finding.ts';
import { openTarget, stageOption, type Target, type TargetOptions, targetOption } from '../stack/target.ts';

const help = `
It changes nothing, and prints what is in order (✓), what to be warned of (!), and what must be mended
first (✗), with the remedy. "deploy --target aws" looks at the account in the same way before it begins.

With --target aws also: the credentials, the stack, what CDK needs, Docker, the images of jobs in ECR, the
instance types of the region, the quotas of instances and functions, and whether you may read what the
other commands ask for.
What you may create is known to AWS alone.

Examples:
  ./cifar10 doctor                    this machine, and the local cloud
  ./cifar10 doctor --target aws       your AWS account, too
  ./cifar10 doctor --json | jq '.[] | select(.state != "ok")'

Exit codes: 0 nothing must be mended, 1 something must, 2 bad arguments.`;

const marks = { ok: pc.green('✓'), warning: pc.yellow('!'), problem: pc.red('✗') } as const;
/** Columns of the names, so that what was found begins in one column. */
const NAME = 16;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Check whether this machine and your AWS account have what training and deployments need.')
    .addOption(targetOption())
    .addOption(stageOption())
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', help)
    .action(run);
}

async function run({ json, ...options }: TargetOptions & { readonly json?: boolean }): Promise<void> {
  const findings: Finding[] = [];
  const look = async (checks: readonly Check[]) => {
    for await (const finding of examine(checks, options.target)) {
      findings.push(finding);
      if (!json) process.stdout.write(`${lineOf(finding)}\n`);
    }
  };
  const { machineChecks } = await import('../doctor/machine-checks.ts');
  await look(machineChecks());
  if (options.target === 'aws') {
    let target: Target | undefined;
    await look([
      {
        name: 'credentials',
        look: async () => {
          target = await openTarget(options);
          return `account ${target.account}, region ${target.region}`;
        },
      },
    ]);
    const { accountChecks } = await import('../doctor/account-checks.ts');
    if (target) await look(accountChecks(target));
  }
  if (json) process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
  if (findings.some(({ state }) => state === 'problem')) process.exitCode = 1;
}

function lineOf({ check, state, text }: Finding): string {
  return `${marks[state]} ${check.padEnd(NAME)}${text.replaceAll('\n', `\n${' '.repeat(NAME + 2)}`)}`;
}
