/**
 * What the roles of the stack may do: read from its template, from a deployed stack, and from the table in docs/aws.md, all in
 * the same words.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { App } from 'aws-cdk-lib';
import * as z from 'zod/mini';
import { ClassifierStack } from '#infra/classifier-stack.ts';

/** One action of a role on one resource. */
export interface Permission {
  /** The logical id of the role, without the characters that make it unique, such as `TrainingJobRole`. */
  readonly role: string;
  /** Such as `s3:GetObject`. */
  readonly action: string;
  /** Keys of the bucket, prefixes that may be listed, or the resource. */
  readonly on: string;
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

/** The part of a template that tests read. */
export interface StackTemplate {
  // biome-ignore lint/suspicious/noExplicitAny: properties of any resource
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: any }>>;
}

/** The stack's template, with an image from a registry, and another bucket whose pictures may be classified. The programs of functions are left out. */
export function synthesizeStack(): StackTemplate {
  const outdir = mkdtempSync(path.join(tmpdir(), 'policies-'));
  try {
    const context = { 'aws:cdk:bundling-stacks': [] };
    const app = new App({ outdir, context, builtinCloudFormationValidation: false });
    new ClassifierStack(app, 'Cifar10', { trainingImage: 'training:1', pictureBuckets: ['photos'] });
    return app.synth().getStackByName('Cifar10').template;
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/**
 * What the template grants its roles, in the template's order.
 *
 * @throws {Error} a policy denies something, which these tables cannot say
 */
export function grantedPermissions({ Resources }: StackTemplate): Permission[] {
  const ofType = (type: string) => Object.entries(Resources).filter(([, { Type }]) => Type === type);
  const managed = ofType('AWS::IAM::Role').flatMap(([id, { Properties }]) =>
    listed(Properties.ManagedPolicyArns ?? []).map((arn) => ({
      role: plain(id),
      action: '(managed policy)',
      on: normal(shown(arn)),
    })),
  );
  const inline = ofType('AWS::IAM::Policy').flatMap(([, { Properties }]) =>
    listed(Properties.Roles).flatMap((role) =>
      listed<Statement>(Properties.PolicyDocument.Statement).flatMap((statement) => {
        if (statement.Effect !== 'Allow') throw new Error(`A statement with ${statement.Effect} is in no table.`);
        return listed(statement.Action).flatMap((action) =>
          objectsOf(statement).map((on) => ({ role: shown(role), action, on })),
        );
      }),
    ),
  );
  return [...managed, ...inline];
}

/** The answer of the plugin: `local/plugin/cifar10_local/permissions/enforcement.py`. */
const Answer = z.object({
  uses: z.array(
    z.object({
      role: z.string(),
      action: z.string(),
      resource: z.string(),
      conditions: z.record(z.string(), z.string()),
    }),
  ),
  refusals: z.array(z.object({ role: z.string(), action: z.string(), resource: z.string() })),
});

/**
 * What the roles of a stack on LocalStack have used since its start, and what they were refused.
 *
 * @param endpoint of LocalStack
 */
export async function usedPermissions(
  endpoint: string,
  stackName: string,
): Promise<{ readonly uses: Permission[]; readonly refusals: Permission[] }> {
  const client = new CloudFormationClient({
    ...{ endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },
  });
  const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName: stackName }));
  const names = StackResources.flatMap(({ LogicalResourceId = '', PhysicalResourceId = '' }) => {
    const name = /^arn:.*\/([^/:]+)(:\d+)?$/.exec(PhysicalResourceId)?.[1];
    return [PhysicalResourceId, ...(name ? [name] : [])].map((id) => [id, plain(LogicalResourceId)] as const);
  });
  const longestFirst = names.filter(([id]) => id !== '').toSorted(([a], [b]) => b.length - a.length);
  // Whole names only: "prod", a stage of the API, is no part of "production".
  const patterns = longestFirst.map(([id, name]) => {
    const escaped = id.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return [new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`, 'g'), name] as const;
  });
  const logical = (text: string) => patterns.reduce((seen, [pattern, name]) => seen.replace(pattern, name), text);
  const answer = z.parse(Answer, await (await fetch(`${endpoint}/_cifar10/permissions`)).json());
  return {
    uses: answer.uses.map(({ role, action, resource, conditions }) => ({
      role: logical(role),
      action,
      on: conditions['s3:prefix'] ?? normal(logical(resource)),
    })),
    refusals: answer.refusals.map(({ role, action, resource }) => ({
      ...{ role: logical(role), action, on: normal(logical(resource)) },
    })),
  };
}

/** A row of the table in docs/aws.md. */
export interface DocumentedPermission extends Permission {
  /** Whether the end-to-end run on LocalStack uses it: `yes`, `no`, or `by AWS` for roles that no program of ours has. */
  readonly used: string;
  readonly why: string;
}

/** The rows of the table of permissions in docs/aws.md. */
export async function documentedPermissions(): Promise<DocumentedPermission[]> {
  const page = await readFile(new URL('../docs/aws.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| `\w+`(, `\w+`)* \| `/.test(line));
  return rows.flatMap((row) => {
    const [roles = '', actions = '', objects = '', used = '', why = ''] = row.split(' | ').map((cell) => cell.trim());
    return valuesOf(roles).flatMap((role) =>
      valuesOf(actions).flatMap((action) =>
        valuesOf(objects).map((on) => ({ role, action, on, used, why: why.replace(/ \|$/, '') })),
      ),
    );
  });
}

/** What stands between backquotes in a cell. */
function valuesOf(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, value = '']) => value);
}

/** What a statement is about: prefixes where it is limited to some, else its resources with what limits them. */
function objectsOf({ Resource, Condition = {} }: Statement): string[] {
  const { 's3:prefix': prefixes, ...others } = Object.assign({}, ...Object.values(Condition)) as Record<
    string,
    unknown
  >;
  if (prefixes !== undefined) return listed(prefixes).map(shown);
  const limits = Object.entries(others).map(([key, value]) => {
    const values = listed<unknown>(value).map((each) => normal(shown(each)));
    return `, ${key} ${values.join(' or ')}`;
  });
  return listed(Resource).map((resource) => normal(shown(resource)) + limits.join(''));
}

/** A value of a template as text, in which a resource is its logical id. */
function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, argument] = ['', '']] = Object.entries(value);
  const parts = listed<unknown>(argument);
  if (name === 'Ref') return plain(shown(argument)).replace(/^AWS::/, '');
  if (name === 'Fn::GetAtt') return plain(shown(parts[0]));
  if (name === 'Fn::Join') return listed<unknown>(parts[1]).map(shown).join(shown(parts[0]));
  if (name === 'Fn::Select' || name === 'Fn::Split') return shown(parts[1]);
  throw new Error(`${JSON.stringify(value)} is not known here.`);
}

/** A resource without what all ARNs of the stack have in common. */
function normal(resource: string): string {
  return resource
    .replace(/^arn:[^:]*:[^:]*:[^:]*:[^:]*:/, '')
    .replace(/^log-group:(.*):\*$/, '$1')
    .replace(/^ModelsBucket\//, '');
}

function plain(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}$/, '');
}

function listed<Value = string>(value: unknown): Value[] {
  return (Array.isArray(value) ? value : [value]) as Value[];
}
