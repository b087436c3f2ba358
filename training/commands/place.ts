import { localStore, shownPath } from '#environment/home.ts';
import { shellWord } from '#environment/shell-word.ts';
import { variable } from '#environment/variables.ts';

/** Where a run is stored, in the words that a person needs. */
export interface Place {
  /** What follows a command so that it finds the store: ` --store models`, ` --target aws` or nothing. */
  readonly options: string;
  /** The path of a run's report, or the command that fetches it. */
  readonly reportOf: (run: string) => string;
}

/** The id of the Batch job that this process is; undefined if it is none. */
export function jobId(): string | undefined {
  return process.env[variable.jobId] || undefined;
}

/** Whether this process is a job on AWS: the disk that it sees ends with it. On LocalStack a job has this machine's. */
export function isContainer(): boolean {
  return jobId() !== undefined && !process.env[variable.endpoint];
}

/** Where this process stores a run. @param url of the store */
export function placeOf(url: string): Place {
  const isBucket = url.startsWith('s3://');
  if (jobId() !== undefined && isBucket) return jobPlace(url, isContainer() ? 'aws' : 'local');
  const shown = isBucket ? url : shownPath(url);
  return {
    options: ` --store ${shellWord(shown)}`,
    reportOf: (run) => (isBucket ? fetching(url, run) : reportIn(shown, run)),
  };
}

/** Where a job stores its run: commands find it by the target, and this clone has a copy of what was trained on this machine. */
export function jobPlace(bucket: string, target: 'local' | 'aws'): Place {
  if (target === 'aws') return { options: ' --target aws', reportOf: (run) => fetching(bucket, run) };
  return { options: '', reportOf: (run) => reportIn(shownPath(localStore), run) };
}

function reportIn(store: string, run: string): string {
  return `${store}/runs/${run}/report.html`;
}

function fetching(bucket: string, run: string): string {
  return `aws s3 cp ${reportIn(bucket, run)} .`;
}
