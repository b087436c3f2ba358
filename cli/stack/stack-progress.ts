/** How far CloudFormation is, as CDK prints it: `Cifar10 | 12/60 | 2:47:11 PM | CREATE_COMPLETE | AWS::S3::Bucket | Models…`. */
export interface StackProgress {
  readonly done: number;
  /** Absent in updates: CDK does not know how many resources change. */
  readonly total?: number;
  readonly status: string;
  /** Such as `AWS::Batch::JobQueue`. */
  readonly type: string;
}

/** @returns `undefined` where the line tells of something else */
export function parseStackProgress(line: string): StackProgress | undefined {
  const [, done, total, status, type] =
    /^\S+ \|\s*(\d+)(?:\/(\d+))? +\| [^|]+ \| ([A-Z_]+) +\| ([\w:]+) +\|/.exec(line) ?? [];
  if (done === undefined || status === undefined || type === undefined) return undefined;
  return { done: Number(done), ...(total === undefined ? {} : { total: Number(total) }), status, type };
}

/** What of a line of CDK's output is worth telling while one waits; `undefined` for most of them. */
export function describeCdkLine(line: string): string | undefined {
  const progress = parseStackProgress(line);
  if (progress) {
    const of = progress.total === undefined ? '' : ` of ${progress.total}`;
    return `${progress.done}${of} resources, ${progress.type}`;
  }
  if (/^Bundling asset /.test(line)) return 'bundle the endpoint';
  if (/: start: Building /.test(line)) return 'build what is uploaded';
  if (/: start: Publishing /.test(line)) return 'upload';
  return /^#\d+ \[/.test(line) ? line : undefined; // a step of the image's build, which takes minutes
}
