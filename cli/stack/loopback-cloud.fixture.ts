import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { vi } from 'vitest';
import { stackNameOf } from '#infra/stage.ts';
import { openTarget, type Target } from './target.ts';

const stackName = stackNameOf(undefined);

/** Of standard instances on demand and on Spot, and of calls of functions, in an account that is not new. */
const settledQuotas: Readonly<Record<string, number>> = { 'L-1216C47A': 32, 'L-34B43A08': 32, 'L-B99A9384': 1000 };

/** A stack as the server below keeps it. */
export interface LoopbackStack {
  /** The statuses that it goes through, one at each look at it; the last one stays. */
  statuses: string[];
  outputs?: Readonly<Record<string, string>>;
  parameters?: Readonly<Record<string, string>>;
  /** What it goes through when it is updated. @default UPDATE_COMPLETE */
  afterUpdate?: string[];
  isProtected?: boolean;
  /** Resources by logical name: type, physical name and status. */
  resources?: Readonly<Record<string, readonly [type: string, id: string, status: string]>>;
  /** The latest first: resource, type, status, reason. */
  events?: readonly (readonly [id: string, type: string, status: string, reason?: string | undefined])[];
  /** What becomes of it at each try to delete it. @default it is gone */
  afterDeletion?: string[][];
}

/** A bucket that is not simply the user's own. */
export interface LoopbackBucket {
  /** @default that of whoever asks */
  readonly region?: string;
  /** @default the user's */
  readonly account?: string;
  /** The KMS key that it encrypts with; `aws/s3` for the one that AWS manages. @default S3's own */
  readonly key?: string;
  /** Whether the user may not look at it. */
  readonly isClosed?: true;
}

interface AskedImages {
  readonly repositoryName: string;
  readonly imageIds: readonly [{ readonly imageTag: string }];
}

/** An error as AWS words it. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * An AWS on this machine that knows CloudFormation, the offerings and quotas of EC2, identities and buckets, as far as
 * deployments ask for them, the images of job definitions and of ECR, and answers in AWS's own protocols.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html and its neighbours
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
 * @see https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
 */
export class LoopbackCloud {
  readonly account = '123456789012';
  stack: LoopbackStack | undefined;
  /** CDK's own stack. */
  toolkit: LoopbackStack | undefined;
  /** A stack of the same name that was deleted before. */
  deleted: LoopbackStack | undefined;
  /** Instance types of the region, in pages. */
  offerings: readonly (readonly string[])[] = [['g4dn.xlarge'], ['c7a.large']];
  /** vCPUs, or calls of functions, by quota code; the account has its processors and functions, but no GPU. */
  quotas: Readonly<Record<string, number>> = {};
  readonly buckets = new Map<string, string[]>();
  /** The images of job definitions, by name of the definition. */
  jobImages: Readonly<Record<string, string>> = {};
  /** What ECR has, as `repository:tag`. */
  storedImages: readonly string[] = [];
  /** What else is to be said of some of them. */
  readonly strangers = new Map<string, LoopbackBucket>();
  /** Errors of operations, instead of what is above. */
  readonly refusals = new Map<string, Refusal>();
  /** The requests to update the stack. */
  readonly updates: Readonly<Record<string, string>>[] = [];
  /** The operations that were asked for, in their order. */
  readonly asked: string[] = [];

  private readonly server = createServer((request, response) => void this.answer(request, response));
  private readonly id = `arn:aws:cloudformation:eu-west-1:${this.account}:stack/${stackName}/1`;

  /** @returns the target of a user who is signed in to this cloud, in this process */
  async open(region = 'eu-west-1'): Promise<Target> {
    if (!this.server.listening) await once(this.server.listen(0, '127.0.0.1'), 'listening');
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`);
    vi.stubEnv('AWS_REGION', region);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example');
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      return await openTarget({ target: 'aws' });
    } finally {
      said.mockRestore();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    vi.unstubAllEnvs();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const target = request.headers['x-amz-target'] as string | undefined;
    const query = new URLSearchParams(body);
    const action = target?.split('.')[1] ?? query.get('Action') ?? `${request.method} ${request.url}`;
    this.asked.push(action);
    try {
      const refusal = this.refusals.get(action);
      if (refusal) throw refusal;
      if (target !== undefined) {
        const asked = JSON.parse(body);
        response.end(JSON.stringify(action === 'DescribeImages' ? this.image(asked) : this.quota(asked)));
      } else if (action.endsWith('/v1/describejobdefinitions')) {
        response.end(JSON.stringify(this.definition(JSON.parse(body))));
      } else if (query.has('Action')) {
        const answer = this.query(action, query);
        response.end(answer);
      } else if (/\/(batch|apigateway)\/aws4_request/.test(request.headers.authorization ?? '')) {
        response.end('{}'); // No queues, and no keys.
      } else {
        this.s3(request, response);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, message, status } = error;
      const content = `<Code>${code}</Code><Message>${message}</Message>`;
      if (target !== undefined) response.writeHead(status).end(JSON.stringify({ __type: code, message }));
      else if (action.startsWith('DescribeInstance')) {
        response.writeHead(status).end(`<Response><Errors><Error>${content}</Error></Errors></Response>`);
      } else response.writeHead(status).end(`<ErrorResponse><Error>${content}</Error></ErrorResponse>`);
    }
  }

  private quota({ QuotaCode }: { readonly QuotaCode: string }): object {
    return { Quota: { QuotaCode, Value: { ...settledQuotas, ...this.quotas }[QuotaCode] ?? 0 } };
  }

  private definition({ jobDefinitionName }: { readonly jobDefinitionName: string }): object {
    const image = this.jobImages[jobDefinitionName];
    const found = { jobDefinitionName, revision: 1, containerProperties: { image } };
    return { jobDefinitions: image === undefined ? [] : [found] };
  }

  private image({ repositoryName, imageIds: [asked] }: AskedImages): object {
    if (!this.storedImages.includes(`${repositoryName}:${asked.imageTag}`)) {
      throw new Refusal('ImageNotFoundException', `The image with imageId ${asked.imageTag} does not exist`);
    }
    return { imageDetails: [{ repositoryName, imageTags: [asked.imageTag] }] };
  }

  private query(action: string, input: URLSearchParams): string {
    switch (action) {
      case 'GetCallerIdentity':
        return result(action, `<Account>${this.account}</Account>`);
      case 'AssumeRole':
        return result(
          action,
          `<Credentials>${elements({ AccessKeyId: 'A', SecretAccessKey: 'b', SessionToken: 'c' })}</Credentials>`,
        );
      case 'DescribeStacks':
        return result(action, `<Stacks><member>${this.describe(input.get('StackName') ?? '')}</member></Stacks>`);
      case 'DescribeStackEvents':
        return result(action, this.eventsPage(input.get('StackName') ?? '', Number(input.get('NextToken') ?? 0)));
      case 'ListStackResources':
        return result(action, `<StackResourceSummaries>${this.resources()}</StackResourceSummaries>`);
      case 'ListStacks':
        return result(
          action,
          this.deleted ? `<StackSummaries><member>${this.summary()}</member></StackSummaries>` : '',
        );
      case 'UpdateStack':
        this.updates.push(Object.fromEntries(input));
        if (this.stack)
          this.stack.statuses = ['UPDATE_IN_PROGRESS', ...(this.stack.afterUpdate ?? ['UPDATE_COMPLETE'])];
        return result(action, elements({ StackId: this.id }));
      case 'DeleteStack':
        this.delete();
        return result(action, '');
      case 'DescribeInstanceTypeOfferings':
        return this.offeringsPage(Number(input.get('NextToken') ?? 0), input);
      default:
        throw new Refusal('InvalidAction', `The action ${action} is not valid for this endpoint.`);
    }
  }

  private describe(name: string): string {
    const isToolkit = name === 'CDKToolkit';
    const stack = isToolkit ? this.toolkit : this.stack;
    const [status = '', ...later] = stack?.statuses ?? [];
    const isNamed = isToolkit || name === stackName || name === this.id;
    if (!stack || !isNamed || (status === 'DELETE_COMPLETE' && name === stackName)) {
      throw new Refusal('ValidationError', `Stack with id ${name} does not exist`);
    }
    if (later.length > 0) stack.statuses = later;
    const outputs = Object.entries(stack.outputs ?? {}).map(([key, value]) => {
      return `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`;
    });
    const parameters = Object.entries(stack.parameters ?? {}).map(([key, value]) => {
      return `<member>${elements({ ParameterKey: key, ParameterValue: value })}</member>`;
    });
    const isProtected = elements({ EnableTerminationProtection: String(stack.isProtected ?? false) });
    return `${this.summary(status)}${isProtected}<Outputs>${outputs.join('')}</Outputs><Parameters>${parameters.join('')}</Parameters>`;
  }

  private summary(status = 'DELETE_COMPLETE'): string {
    const fields = {
      StackId: this.id,
      StackName: stackName,
      StackStatus: status,
      CreationTime: '2026-11-28T10:00:00Z',
    };
    return elements(fields);
  }

  private eventsPage(name: string, from: number): string {
    const events = (name === 'CDKToolkit' ? this.toolkit : this.stack)?.events ?? [];
    const page = events.slice(from, from + 100).map(([id, type, status, reason], index) => {
      const fields = { StackId: this.id, EventId: `${from + index}`, StackName: stackName, LogicalResourceId: id };
      const what = { ResourceType: type, Timestamp: '2026-11-28T10:00:00Z', ResourceStatus: status };
      return `<member>${elements({ ...fields, ...what, ...(reason && { ResourceStatusReason: reason }) })}</member>`;
    });
    const next = from + 100 < events.length ? `<NextToken>${from + 100}</NextToken>` : '';
    return `<StackEvents>${page.join('')}</StackEvents>${next}`;
  }

  private resources(): string {
    const resources = Object.entries((this.stack ?? this.deleted)?.resources ?? {});
    const member = ([name, [type, id, status]]: (typeof resources)[number]) => {
      const fields = { LogicalResourceId: name, PhysicalResourceId: id, ResourceType: type, ResourceStatus: status };
      return `<member>${elements({ ...fields, LastUpdatedTimestamp: '2026-11-28T10:00:00Z' })}</member>`;
    };
    return resources.map(member).join('');
  }

  /** @see https://github.com/aws-amplify/amplify-backend/pull/2366 for the words of the refusal */
  private delete(): void {
    const stack = this.stack;
    const status = stack?.statuses[0] ?? '';
    if (/^UPDATE_\w*IN_PROGRESS$/.test(status)) {
      throw new Refusal('ValidationError', `Stack [${this.id}] cannot be deleted while in status ${status}`);
    }
    if (stack) stack.statuses = ['DELETE_IN_PROGRESS', ...(stack.afterDeletion?.shift() ?? ['DELETE_COMPLETE'])];
  }

  private offeringsPage(page: number, input: URLSearchParams): string {
    const wanted = [...input].filter(([name]) => name.startsWith('Filter.1.Value')).map(([, value]) => value);
    const items = (this.offerings[page] ?? [])
      .filter((type) => wanted.includes(type))
      .map((type) => {
        return `<item>${elements({ instanceType: type, locationType: 'region', location: 'eu-west-1' })}</item>`;
      });
    const next = page + 1 < this.offerings.length ? `<nextToken>${page + 1}</nextToken>` : '';
    return `<DescribeInstanceTypeOfferingsResponse><instanceTypeOfferingSet>${items.join('')}</instanceTypeOfferingSet>${next}</DescribeInstanceTypeOfferingsResponse>`;
  }

  private s3({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, 'http://s3');
    const [, bucket = ''] = pathname.split('/');
    const objects = this.buckets.get(bucket);
    if (!objects) return void response.writeHead(404).end();
    const { region, account = this.account, key, isClosed } = this.strangers.get(bucket) ?? {};
    if (region !== undefined) return void response.writeHead(301, { 'x-amz-bucket-region': region }).end();
    const owner = headers['x-amz-expected-bucket-owner'] ?? account;
    if (isClosed || owner !== account) return void response.writeHead(403).end();
    if (searchParams.has('encryption')) return void response.end(encryption(key));
    if (method === 'DELETE') this.buckets.delete(bucket);
    if (searchParams.has('delete')) this.buckets.set(bucket, []);
    const versions = objects.map((key) => `<Version><Key>${key}</Key><VersionId>1</VersionId></Version>`);
    response.end(searchParams.has('versions') ? `<ListVersionsResult>${versions.join('')}</ListVersionsResult>` : '');
  }
}

function encryption(key: string | undefined): string {
  const algorithm = elements({ SSEAlgorithm: key === undefined ? 'AES256' : 'aws:kms' });
  const master = key === undefined || key === 'aws/s3' ? '' : elements({ KMSMasterKeyID: key });
  const rule = `<ApplyServerSideEncryptionByDefault>${algorithm}${master}</ApplyServerSideEncryptionByDefault>`;
  return `<ServerSideEncryptionConfiguration><Rule>${rule}</Rule></ServerSideEncryptionConfiguration>`;
}

function result(action: string, content: string): string {
  return `<${action}Response><${action}Result>${content}</${action}Result></${action}Response>`;
}

function elements(fields: Readonly<Record<string, string>>): string {
  const escaped = (value: string) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>${escaped(value)}</${name}>`)
    .join('');
}
