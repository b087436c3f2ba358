import { BatchClient, type JobDetail, ListJobsCommand, SubmitJobCommand } from '@aws-sdk/client-batch';
import { variable } from '#environment/variables.ts';
import { wasReclaimed } from './was-reclaimed.ts';

/** EventBridge's event of a job that has changed its state. */
export interface JobEvent {
  /** As DescribeJobs tells it. */
  readonly detail: JobDetail;
}

/**
 * Submits the job again to the on-demand queue of its queue, if its last attempt was lost with its instance. A child of an array
 * comes back as a job of its own; its array has failed with it, which is no reason to run all of it again.
 *
 * @see https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html
 */
export async function handler({ detail }: JobEvent): Promise<void> {
  const jobQueue = onDemandQueues()[detail.jobQueue ?? ''];
  if (jobQueue === undefined || !wasReclaimed(detail)) return;
  // Hundreds of instances may be reclaimed at once, and Batch throttles those who ask in their stead.
  const batch = new BatchClient({ maxAttempts: 6 });
  const submission = { jobQueue, ...again(detail) };
  if (await isUnderWay(batch, submission)) {
    console.log(`Job ${detail.jobId} was reclaimed; it is on demand already`);
    return;
  }
  const { jobId } = await batch.send(new SubmitJobCommand(submission));
  console.log(`Job ${detail.jobId} was reclaimed; it goes on as ${jobId}, on demand`);
}

/** By the ARN of the queue that a job was submitted to. */
function onDemandQueues(): Readonly<Record<string, string>> {
  const pairs = (process.env[variable.onDemandQueues] ?? '').split(' ');
  return Object.fromEntries(pairs.map((pair) => pair.split('=')));
}

/** The same job. */
function again(detail: JobDetail) {
  const { jobDefinition, container = {}, parameters, timeout } = detail;
  const { environment = [], resourceRequirements } = container;
  const { jobName, command } = container.command?.[0] === 'shards' ? sameChild(detail) : sameRun(detail);
  return {
    jobName,
    // Without its revision: a deployment in between has replaced it.
    jobDefinition: jobDefinition?.replace(/:\d+$/, ''),
    parameters,
    timeout,
    containerOverrides: {
      command,
      environment: environment.filter(({ name }) => !name?.startsWith('AWS_BATCH')),
      resourceRequirements,
    },
  };
}

/** A job of training: its run keeps its name, so it resumes at the last checkpoint. */
function sameRun({ jobId = '', container = {} }: JobDetail) {
  const { command = [] } = container;
  const named = command.indexOf('--run');
  // A job that was started by hand trains the run of its own id.
  const run = (named === -1 ? undefined : command[named + 1]) ?? jobId.replaceAll(':', '-');
  return {
    // The command line finds the jobs of a run by this name.
    jobName: run.replaceAll('.', '_'),
    command: named === -1 ? [...command, '--run', run] : command,
  };
}

/** A child of a submission, which skips the shards that have a result. Its number no longer follows from the index in an array. */
function sameChild({ jobName = '', container = {}, arrayProperties }: JobDetail) {
  const command = [...(container.command ?? [])];
  const take = (option: string) => {
    const at = command.indexOf(option);
    return at === -1 ? undefined : command.splice(at, 2)[1];
  };
  const offset = Number(take('--offset') ?? 0);
  const child = take('--child') ?? String(offset + (arrayProperties?.index ?? 0));
  // The name of a submission's jobs, which is how the command line finds them, and which of its children this is.
  return { jobName: `${jobName}-${child}`, command: [...command, '--child', child] };
}

/** EventBridge delivers an event at least once. */
async function isUnderWay(
  batch: BatchClient,
  { jobQueue, jobName }: { readonly jobQueue: string; readonly jobName: string },
): Promise<boolean> {
  const filters = [{ name: 'JOB_NAME', values: [jobName] }];
  const { jobSummaryList = [] } = await batch.send(new ListJobsCommand({ jobQueue, filters }));
  return jobSummaryList.some(({ status }) => status !== 'SUCCEEDED' && status !== 'FAILED');
}
