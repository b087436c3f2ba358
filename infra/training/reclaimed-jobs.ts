import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import type * as batch from 'aws-cdk-lib/aws-batch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { variable } from '#environment/variables.ts';
import { functionCode } from '../functions/function-bundle.ts';

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
export class ReclaimedJobs extends Construct {
  constructor(scope: Construct, id: string, { lanes }: ReclaimedJobsProps) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Logs', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
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
    const handler = new lambda.Function(this, 'Handler', {
      code: functionCode(program),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.minutes(1),
      role,
      logGroup,
      environment: {
        [variable.onDemandQueues]: lanes
          .map(({ queue, onDemandQueue }) => `${queue.jobQueueArn}=${onDemandQueue.jobQueueArn}`)
          .join(' '),
      },
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
