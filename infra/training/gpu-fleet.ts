import { Validations } from 'aws-cdk-lib';
import * as batch from 'aws-cdk-lib/aws-batch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { TrainingNetwork } from './training-network.ts';

export interface GpuFleetProps {
  readonly network: TrainingNetwork;
  /** x86-64 instances with at least one NVIDIA GPU. */
  readonly instanceTypes: readonly ec2.InstanceType[];
  /** The limit for all Spot instances together, and again for all on-demand instances. */
  readonly maxVcpus: number;
}

/**
 * GPU instances that exist only while there are jobs: Spot where available, else on-demand.
 *
 * The two environments differ only in how instances are paid.
 */
export class GpuFleet extends Construct {
  readonly spot: batch.ManagedEc2EcsComputeEnvironment;
  readonly onDemand: batch.ManagedEc2EcsComputeEnvironment;

  constructor(scope: Construct, id: string, props: GpuFleetProps) {
    super(scope, id);
    for (const instanceType of props.instanceTypes) checkInstanceType(instanceType);
    const launchTemplate = this.launchTemplate();
    const instanceRole = this.instanceRole();
    const computeEnvironment = (name: string, payment: Partial<batch.ManagedEc2EcsComputeEnvironmentProps>) => {
      const environment = new batch.ManagedEc2EcsComputeEnvironment(this, name, {
        ...payment,
        vpc: props.network.vpc,
        vpcSubnets: props.network.subnets,
        securityGroups: [props.network.securityGroup],
        instanceTypes: [...props.instanceTypes],
        useOptimalInstanceClasses: false,
        // The default is Amazon Linux 2, for which environments can no longer be created.
        images: [{ imageType: batch.EcsMachineImageType.ECS_AL2023_NVIDIA }],
        instanceRole,
        launchTemplate,
        minvCpus: 0,
        maxvCpus: props.maxVcpus,
      });
      // Batch reads a launch template once. Naming its version makes a changed template a changed environment.
      (environment.node.defaultChild as batch.CfnComputeEnvironment).addPropertyOverride(
        'ComputeResources.LaunchTemplate.Version',
        launchTemplate.latestVersionNumber,
      );
      return environment;
    };
    this.spot = computeEnvironment('Spot', {
      spot: true,
      allocationStrategy: batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED,
    });
    this.onDemand = computeEnvironment('OnDemand', {
      spot: false,
      allocationStrategy: batch.AllocationStrategy.BEST_FIT_PROGRESSIVE,
    });
  }

  private launchTemplate(): ec2.LaunchTemplate {
    const agentSettings = ec2.UserData.forLinux();
    // Batch has no stop timeout of its own. A Spot instance gets two minutes' notice: the agent passes it on as SIGTERM,
    // and the training program then has these 90 seconds to write its checkpoint.
    agentSettings.addCommands(
      'echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config',
      'echo ECS_CONTAINER_STOP_TIMEOUT=90s >> /etc/ecs/ecs.config',
    );
    const userData = new ec2.MultipartUserData();
    userData.addUserDataPart(agentSettings, ec2.MultipartBody.SHELL_SCRIPT, true);
    return new ec2.LaunchTemplate(this, 'LaunchTemplate', {
      userData,
      requireImdsv2: true,
      // Containers are one hop further away: they can use the job's role, but not the instance's.
      httpPutResponseHopLimit: 1,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: ec2.BlockDeviceVolume.ebs(60, {
            volumeType: ec2.EbsDeviceVolumeType.GP3,
            encrypted: true,
            deleteOnTermination: true,
          }),
        },
      ],
    });
  }

  private instanceRole(): iam.Role {
    const role = new iam.Role(this, 'InstanceRole', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonEC2ContainerServiceforEC2Role')],
    });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role]',
      reason:
        'AWS defines which permissions the ECS agent needs, and they change with the agent; containers cannot use this role.',
    });
    return role;
  }
}

function checkInstanceType(instanceType: ec2.InstanceType): void {
  const name = instanceType.toString();
  if (!/^(g4dn|g5|g6|g6e|gr6|p3|p4d|p5)\./.test(name)) {
    throw new Error(
      `${name} has no NVIDIA GPU that TensorFlow supports. Choose g4dn, g5 or g6 instances, such as g5.xlarge.`,
    );
  }
}
