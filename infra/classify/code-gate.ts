import { Validations } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Shift } from './shift.ts';

export interface CodeGateProps {
  /** It moves to the version of each deployment. */
  readonly alias: lambda.Alias;
  /** How requests go over to a new version. */
  readonly shift: Exclude<Shift, 'all-at-once'>;
  /** Any of them moves all requests back, and lets no deployment begin while it rings. */
  readonly alarms: readonly cloudwatch.IAlarm[];
  /**
   * Gives the version of this deployment all requests at once. CodeDeploy refuses to begin where the alias does not name the
   * version that CloudFormation knows, because somebody has moved it since. @default false
   */
  readonly isSkipped?: boolean;
}

/**
 * New code gets a part of the requests first: CodeDeploy moves the alias step by step, and back if an alarm fires, the deployment
 * fails, or somebody stops it. CloudFormation waits for it, and then rolls the whole stack back.
 *
 * @see docs/decisions/code-gate.md
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
 */
export class CodeGate extends Construct {
  readonly application: codedeploy.LambdaApplication;
  readonly deploymentGroup: codedeploy.LambdaDeploymentGroup;

  constructor(scope: Construct, id: string, { alias, shift, alarms, isSkipped = false }: CodeGateProps) {
    super(scope, id);
    this.application = new codedeploy.LambdaApplication(this, 'Application');
    this.deploymentGroup = new codedeploy.LambdaDeploymentGroup(this, 'Group', {
      application: this.application,
      alias,
      deploymentConfig: deploymentConfigs[shift],
      alarms: [...alarms],
      autoRollback: { failedDeployment: true, stoppedDeployment: true },
    });
    if (isSkipped) delete (alias.node.defaultChild as lambda.CfnAlias).cfnOptions.updatePolicy;
    Validations.of(this.deploymentGroup).acknowledge({
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
      reason: 'AWS’s own policy, the smaller of two, for what CodeDeploy does with aliases; it alone has this role.',
    });
  }
}

/**
 * The time must be longer than an alarm needs to fire, which is minutes; the stack's update waits for it.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
 */
const deploymentConfigs = {
  canary: codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
  linear: codedeploy.LambdaDeploymentConfig.LINEAR_10PERCENT_EVERY_1MINUTE,
};
