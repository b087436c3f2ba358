import { Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/**
 * What the ECS agent does, and nothing else, since a job can get at this role: Batch's jobs on EC2 use the host's network, from
 * which the instance's metadata can be read. Images are pulled and logs are written with the execution role of the job.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-iam-awsmanpol.html, the reason for each action of
 * AmazonEC2ContainerServiceforEC2Role. Left out of it: `ecs:CreateCluster` (Batch creates the cluster),
 * `ecs:DeregisterContainerInstance` (the agent does not call it), `ecs:UpdateContainerInstancesState` (only for Spot draining, which does
 * not stop the tasks of Batch), `ec2:DescribeTags` and `ecs:ListTagsForResource` (only for tags that nobody reads), `ecr:*` and `logs:*` (the execution role's)
 * @see https://docs.aws.amazon.com/batch/latest/userguide/execution-IAM-role.html, and in aws/amazon-ecs-agent's README
 * ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE, which the ECS-optimized images set
 */
export function agentRole(scope: Construct, id: string): iam.Role {
  const role = new iam.Role(scope, id, { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: [
        // To join the cluster of the environment.
        'ecs:RegisterContainerInstance',
        // To find the addresses that the two below talk to.
        'ecs:DiscoverPollEndpoint',
        // To be told what to run.
        'ecs:Poll',
        // To report the health and the metrics of tasks.
        'ecs:StartTelemetrySession',
        // To report that a task has started and ended.
        'ecs:SubmitTaskStateChange',
        'ecs:SubmitContainerStateChange',
        'ecs:SubmitAttachmentStateChanges',
      ],
      resources: ['*'],
    }),
  );
  // An instance that is registered with tags is refused without it.
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['ecs:TagResource'],
      resources: ['*'],
      conditions: { StringEquals: { 'ecs:CreateAction': 'RegisterContainerInstance' } },
    }),
  );
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'Batch creates the cluster, under a name that this template cannot know; the actions are those of an ECS agent.',
  });
  return role;
}
