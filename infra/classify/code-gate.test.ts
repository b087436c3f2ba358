import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { describe, it } from 'vitest';
import { CodeGate, type CodeGateProps } from './code-gate.ts';

/** @param alarms how many */
function givenGate({
  alarms = 2,
  ...props
}: { alarms?: number } & Partial<Omit<CodeGateProps, 'alarms'>> = {}): Template {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }));
  const handler = new lambda.Function(stack, 'Handler', {
    code: lambda.Code.fromInline('exports.handler = async () => {}'),
    ...{ handler: 'index.handler', runtime: lambda.Runtime.NODEJS_24_X },
  });
  const alias = new lambda.Alias(stack, 'Live', {
    aliasName: 'live',
    version: handler.currentVersion as lambda.IVersion,
  });
  const watched = Array.from({ length: alarms }, (_, at) => {
    const metric = new cloudwatch.Metric({ namespace: 'Test', metricName: `Failed${at}` });
    return new cloudwatch.Alarm(stack, `Alarm${at}`, { metric, threshold: 1, evaluationPeriods: 1 });
  });
  new CodeGate(stack, 'Gate', { alias, shift: 'canary', alarms: watched as cloudwatch.IAlarm[], ...props });
  return Template.fromStack(stack);
}

describe('CodeGate', () => {
  it('lets CodeDeploy move the alias, and back if an alarm fires, the deployment fails or is stopped', () => {
    const template = givenGate();

    template.hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
      AlarmConfiguration: {
        Enabled: true,
        Alarms: [
          { Name: { Ref: Match.stringLikeRegexp('^Alarm0') } },
          { Name: { Ref: Match.stringLikeRegexp('^Alarm1') } },
        ],
      },
      AutoRollbackConfiguration: {
        Enabled: true,
        Events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_REQUEST', 'DEPLOYMENT_STOP_ON_ALARM'],
      },
      DeploymentStyle: { DeploymentOption: 'WITH_TRAFFIC_CONTROL', DeploymentType: 'BLUE_GREEN' },
    });
    template.hasResource('AWS::Lambda::Alias', {
      UpdatePolicy: {
        CodeDeployLambdaAliasUpdate: {
          ApplicationName: { Ref: Match.stringLikeRegexp('^GateApplication') },
          DeploymentGroupName: { Ref: Match.stringLikeRegexp('^GateGroup') },
        },
      },
    });
  });

  it.each([
    ['canary', 'CodeDeployDefault.LambdaCanary10Percent5Minutes'],
    ['linear', 'CodeDeployDefault.LambdaLinear10PercentEvery1Minute'],
  ] as const)('shifts %s by AWS’s own configuration', (shift, name) => {
    givenGate({ shift }).hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', { DeploymentConfigName: name });
  });

  it('has no alarms where nothing watches', () => {
    givenGate({ alarms: 0 }).hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
      AlarmConfiguration: Match.absent(),
      AutoRollbackConfiguration: { Events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_REQUEST'] },
    });
  });

  it('leaves the alias to CloudFormation for a deployment that CodeDeploy would refuse', () => {
    givenGate({ isSkipped: true }).hasResource('AWS::Lambda::Alias', { UpdatePolicy: Match.absent() });
  });
});
