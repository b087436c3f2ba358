import path from 'node:path';
import { localStore, shownPath } from '#environment/home.ts';
import type { StackOutputs, Target } from '../stack/target.ts';

/** The folder in which LocalStack's bucket is kept as well; `undefined` for a bucket in AWS, which has none. */
export function openableStore({ name }: Pick<Target, 'name'>): string | undefined {
  return name === 'local' ? shownPath(localStore) : undefined;
}

/** Where a run's report can be opened; from AWS a command fetches it. */
export function reportPlace(target: Pick<Target, 'name'>, { BucketName }: StackOutputs, run: string): string {
  const key = `runs/${run}/report.html`;
  const store = openableStore(target);
  return store === undefined ? `aws s3 cp s3://${BucketName}/${key} .` : path.join(store, key);
}
