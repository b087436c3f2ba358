import { fileURLToPath } from 'node:url';
import { Stack, Validations } from 'aws-cdk-lib';
import type * as batch from 'aws-cdk-lib/aws-batch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { variable } from '#environment/variables.ts';
import { SmallFunction } from '../functions/small-function.ts';

const program = fileURLToPath(new URL('reclaimed-jobs.lambda.ts', import.meta.url));

export interface ReclaimedJobsProps {
  /** Jobs of each kind go from its queue to its on-demand queue. */
  readonly lanes: readonly {
    readonly queue: batch.JobQueue;
    readonly onDemandQueue: batch.JobQueue;
    readonly jobDefinitions: readonly batch.EcsJobDefinition[];
  }[];
}

/**
 * Submits a job again, on demand, whose last attempt was lost with its Spot instance; see docs/decisions/on-demand.md.
 *
 * A rule listens for jobs that failed in a Spot queue, and a function decides. Jobs of an on-demand queue match no rule, so nothing
 * is submitted twice. It costs nothing while no job fails.
 */
export class ReclaimedJobs extends SmallFunction {
  constructor(scope: Construct, id: string, { lanes }: ReclaimedJobsProps) {
    const pairs = lanes.map(({ queue, onDemandQueue }) => `${queue.jobQueueArn}=${onDemandQueue.jobQueueArn}`);
    super(scope, id, { program, environment: { [variable.onDemandQueues]: pairs.join(' ') } });
    const { role, handler } = this;
    for (const { onDemandQueue, jobDefinitions } of lanes) {
      const definitions = jobDefinitions.map(({ jobDefinitionName }) =>
        Stack.of(this).formatArn({ service: 'batch', resource: 'job-definition', resourceName: jobDefinitionName }),
      );
      const revisions = definitions.map((definition) => `${definition}:*`);
      const resources = [onDemandQueue.jobQueueArn, ...definitions, ...revisions];
      role.addToPolicy(new iam.PolicyStatement({ actions: ['batch:SubmitJob'], resources }));
      for (const { jobDefinitionName } of jobDefinitions) {
        const name = JSON.stringify(Stack.of(this).resolve(jobDefinitionName));
        Validations.of(role).acknowledge({
          id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:batch:<AWS::Region>:<AWS::AccountId>:job-definition/${name}:*]`,
          reason: 'Any revision of one job definition: each deployment may make a new one.',
        });
      }
    }
    role.addToPolicy(new iam.PolicyStatement({ actions: ['batch:ListJobs'], resources: ['*'] }));
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'batch:ListJobs does not support resource-level permissions; it finds out whether the run is on demand already.',
    });
    new events.Rule(this, 'Rule', {
      description: 'Jobs that failed on Spot instances',
      eventPattern: {
        source: ['aws.batch'],
        detailType: ['Batch Job State Change'],
        detail: { status: ['FAILED'], jobQueue: lanes.map(({ queue }) => queue.jobQueueArn) },
      },
      targets: [new targets.LambdaFunction(handler)],
    });
  }
}
