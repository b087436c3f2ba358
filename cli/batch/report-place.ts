import path from 'node:path';
import { localStore, shownPath } from '#environment/home.ts';
import type { StackOutputs, Target } from '../stack/target.ts';

/** Where a run's report can be opened: LocalStack's bucket is also kept as a folder; from S3 a command fetches it. */
export function reportPlace({ name }: Pick<Target, 'name'>, { BucketName }: StackOutputs, run: string): string {
  const key = `runs/${run}/report.html`;
  return name === 'local' ? shownPath(path.join(localStore, key)) : `aws s3 cp s3://${BucketName}/${key} .`;
}
