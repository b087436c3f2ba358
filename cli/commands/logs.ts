import { Command } from 'commander';
import { UsageError } from '#errors/user-error.ts';
import { isPlanId } from '#models/plans/plan.ts';
import { suffixOf } from '../batch/batch-jobs.ts';
import { jobLog, type LogLine } from '../batch/job-log.ts';
import { endpointLog } from '../endpoint/endpoint-log.ts';
import { describeLoggedText } from '../endpoint/log-line.ts';
import { openTarget, stageOption, type TargetOptions, targetOption } from '../stack/target.ts';
import { seconds } from '../terminal/seconds.ts';

export function logsCommand(): Command {
  return new Command('logs')
    .description('Print the log of a training job, or of the endpoint.')
    .argument('<what>', '"endpoint", a run, or the id of a job or of a child')
    .addOption(targetOption())
    .addOption(stageOption())
    .option('-f, --follow', 'print new lines as they are logged, until the job ends or Ctrl-C')
    .option(
      '--since <time>',
      'only lines that are younger, such as 30s, 10m, 2h or 1d (default: all of a job, 1h of the endpoint)',
      seconds,
    )
    .option('--json', 'print each line as JSON, with its time; of the endpoint, the lines as they were logged')
    .addHelpText('after', examples)
    .action(async (what: string, { follow = false, since, json, ...options }: CommandOptions) => {
      const target = await openTarget(options);
      if (isPlanId(what)) {
        throw new UsageError(
          `${what} is a plan, and each of its children has a log. Give the id of one, from "./cifar10 jobs ${what} --children --json${suffixOf(target)}".`,
        );
      }
      const stack = await target.stack();
      const isEndpoint = what === 'endpoint' || what === 'lambda';
      const lines = isEndpoint
        ? endpointLog(target, stack, { follow, since: since ?? 3600 })
        : jobLog(target, stack, what, { follow });
      const youngerThan = since === undefined ? 0 : Date.now() - 1000 * since;
      for await (const line of lines) {
        if (line.at.getTime() < youngerThan) continue;
        const shown = json ? asJson(line) : isEndpoint ? describeLoggedText(line.text) : line.text;
        if (shown !== undefined) process.stdout.write(`${shown}\n`);
      }
    });
}

interface CommandOptions extends TargetOptions {
  readonly follow?: boolean;
  readonly since?: number;
  readonly json?: boolean;
}

/** Lines of the endpoint are JSON already. */
function asJson({ at, text }: LogLine): string {
  return /^\{.*\}$/.test(text) ? text : JSON.stringify({ at, text });
}

const examples = `
Examples:
  ./cifar10 logs endpoint -f                         requests as they are answered
  ./cifar10 logs endpoint --since 10m --target aws   the last ten minutes, in your AWS account
  ./cifar10 logs 20261123-041200-a1b2                all attempts of a run's last job`;
