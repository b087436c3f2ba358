import { Fn, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

export interface TrainingNetworkProps {
  /** How many Availability Zones have a subnet: capacity differs from one to another. */
  readonly zones: number;
}

/**
 * The network of the instances that run jobs: public subnets, so that no NAT gateway has to be paid by the hour, a gateway
 * endpoint that keeps S3 traffic inside AWS, and a security group without inbound rules.
 */
export class TrainingNetwork extends Construct {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection = { subnetType: ec2.SubnetType.PUBLIC };
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, { zones }: TrainingNetworkProps) {
    super(scope, id);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      // By position among the region's zones: the names of zones are not known before the deployment.
      availabilityZones: Array.from({ length: zones }, (_, index) => Fn.select(index, Fn.getAzs())),
      natGateways: 0,
      // A size of their own lets a zone be added later: subnets that share the whole range cannot be replaced one by one.
      subnetConfiguration: [{ name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 20 }],
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      // This would need a custom resource, for a group that nothing uses.
      restrictDefaultSecurityGroup: false,
    });
    this.vpc = vpc as ec2.IVpc; // its types are not exact about optional properties
    this.securityGroup = new ec2.SecurityGroup(this, 'Instances', {
      vpc: this.vpc,
      description: 'Training instances: out to HTTPS, in from nowhere',
      allowAllOutbound: false,
    });
    this.securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.HTTPS, 'AWS APIs, the image, the data set');
    Validations.of(this.vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason:
        'Nothing listens in this network: instances exist only while jobs run and only call out over HTTPS, so flow logs would cost more than they show.',
    });
  }
}
