/** A line of CDK's output about CloudFormation's progress: `Cifar10 | 12/60 | 2:47:11 PM | CREATE_COMPLETE | AWS::S3::Bucket | Models…`. */
export interface StackProgress {
  readonly done: number;
  /** Absent in updates: CDK does not know how many resources change. */
  readonly total?: number;
  readonly status: string;
  /** Such as `AWS::Batch::JobQueue`. */
  readonly type: string;
}

/** @returns `undefined` where the line is about something else */
export function parseStackProgress(line: string): StackProgress | undefined {
  const [, done, total, status, type] =
    /^\S+ \|\s*(\d+)(?:\/(\d+))? +\| [^|]+ \| ([A-Z_]+) +\| ([\w:]+) +\|/.exec(line) ?? [];
  if (done === undefined || status === undefined || type === undefined) return undefined;
  return { done: Number(done), ...(total === undefined ? {} : { total: Number(total) }), status, type };
}

/** A line of CDK's output in short, as progress; `undefined` for most lines. */
export function describeCdkLine(line: string): string | undefined {
  const progress = parseStackProgress(line);
  if (progress) {
    const of = progress.total === undefined ? '' : ` of ${progress.total}`;
    return `${progress.done}${of} resources, ${progress.type}`;
  }
  if (/^Bundling asset /.test(line)) return 'bundle the endpoint';
  if (/: start: Building /.test(line)) return 'build assets';
  if (/: start: Publishing /.test(line)) return 'upload assets';
  return /^#\d+ \[/.test(line) ? line : undefined; // A step of the image's build, which takes minutes.
}
