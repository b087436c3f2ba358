import type { Size } from 'aws-cdk-lib';
import * as batch from 'aws-cdk-lib/aws-batch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { TrainingNetwork } from './training-network.ts';

export interface InstanceFleetProps {
  readonly network: TrainingNetwork;
  /** Those that the region offers; `optimal` leaves the choice to Batch. */
  readonly instanceTypes: readonly ec2.InstanceType[];
  /** What their ECS agent may do: see `agentRole`. */
  readonly instanceRole: iam.Role;
  /** Amazon Linux for them, such as the one with NVIDIA's driver. */
  readonly machineImage: batch.EcsMachineImageType;
  /** Room for the system and the training image. */
  readonly disk: Size;
  /** The limit for all Spot instances together, and again for all on-demand instances. */
  readonly maxVcpus: number;
}

/**
 * Instances that exist only while there are jobs, in two environments that differ only in how instances are paid.
 */
export class InstanceFleet extends Construct {
  readonly spot: batch.ManagedEc2EcsComputeEnvironment;
  readonly onDemand: batch.ManagedEc2EcsComputeEnvironment;

  constructor(scope: Construct, id: string, props: InstanceFleetProps) {
    super(scope, id);
    const launchTemplate = this.launchTemplate(props.disk);
    const computeEnvironment = (name: string, payment: Partial<batch.ManagedEc2EcsComputeEnvironmentProps>) => {
      const environment = new batch.ManagedEc2EcsComputeEnvironment(this, name, {
        ...payment,
        vpc: props.network.vpc,
        vpcSubnets: props.network.subnets,
        securityGroups: [props.network.securityGroup],
        instanceTypes: props.instanceTypes.filter((type) => !isOptimal(type)),
        useOptimalInstanceClasses: props.instanceTypes.some(isOptimal),
        // The default is Amazon Linux 2, for which environments can no longer be created.
        images: [{ imageType: props.machineImage }],
        instanceRole: props.instanceRole,
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

  private launchTemplate(disk: Size): ec2.LaunchTemplate {
    return new ec2.LaunchTemplate(this, 'LaunchTemplate', {
      requireImdsv2: true,
      // Jobs use the host's network, so one hop reaches the metadata, where the program reads the notice of a reclaimed Spot
      // instance. It reaches the instance's role too: see there.
      httpPutResponseHopLimit: 1,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: ec2.BlockDeviceVolume.ebs(disk.toGibibytes(), {
            volumeType: ec2.EbsDeviceVolumeType.GP3,
            encrypted: true,
            deleteOnTermination: true,
          }),
        },
      ],
    });
  }
}

function isOptimal(type: ec2.InstanceType): boolean {
  return type.toString() === 'optimal';
}

/** GPUs that TensorFlow's build, cuDNN 9 and NVIDIA's present driver support: Turing, Ampere, Ada and Hopper, a whole GPU each. */
const gpuFamilies = ['g4dn', 'g5', 'g6', 'g6e', 'gr6', 'p4d', 'p4de', 'p5', 'p5e', 'p5en'];

/** @throws {Error} the GPU of a type is none that a job could use */
export function checkGpuTypes(instanceTypes: readonly ec2.InstanceType[]): void {
  for (const name of instanceTypes.map(String)) {
    const [family = ''] = name.split('.');
    if (gpuFamilies.includes(family)) continue;
    const reason = /^(p2|p3|p3dn|g3|g3s)$/.test(family)
      ? 'has a GPU that NVIDIA’s driver or cuDNN no longer supports'
      : 'has no GPU that jobs can use';
    throw new Error(`${name} ${reason}. Choose types of the families ${gpuFamilies.join(', ')}, such as g5.xlarge.`);
  }
}

/** @throws {Error} a type cannot run the image, which is for x86-64 */
export function checkCpuTypes(instanceTypes: readonly ec2.InstanceType[]): void {
  for (const name of instanceTypes.map(String)) {
    if (/^(a1|[a-z]+\d+[a-z]*g[a-z]*)\./.test(name)) {
      throw new Error(
        `${name} has an Arm processor, and the image is for x86-64. Choose such as c7a.large or c7i.large.`,
      );
    }
    if (!/^([a-z][\w-]*\.\w[\w-]*|optimal)$/.test(name)) {
      throw new Error(`${name} is not an instance type. Choose such as c7a.large or c7i.large.`);
    }
  }
}
