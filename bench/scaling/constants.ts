import { readFileSync } from 'node:fs';
import { imageSeconds, trainingImages, typicalRun } from '#cli/cost/training-cost.ts';

/** What a machine was measured to take; `measured.json` has those of the last run of `npm run bench -- scaling --measure`. */
export interface Measured {
  /** Processor seconds to read an object of a few kilobytes from S3, without TLS. */
  readonly get: number;
  /** Processor seconds to list a thousand objects. */
  readonly listPage: number;
  /** Bytes of an object in the lists of a plan. */
  readonly listedBytes: number;
  /** Bytes of a row of answers, as JSONL. */
  readonly rowBytes: number;
  /** Bytes of an item in `plan.json`. */
  readonly itemBytes: { readonly classify: number; readonly sweep: number };
  /** Seconds of processor from the start of a child's program to its first shard. */
  readonly childStart: number;
}

export const measured: Measured = JSON.parse(readFileSync(new URL('measured.json', import.meta.url), 'utf8')).figures;

/** A kind of picture: its bytes, and processor seconds to decode and classify one, by results/2026-11-28-classify.json. */
export interface Pictures {
  readonly name: string;
  readonly bytes: number;
  readonly seconds: number;
}

export const pictureKinds = {
  small: { name: 'CIFAR-10’s, 32x32 PNG', bytes: 2_300, seconds: 943e-6 },
  photos: { name: 'photos, 3 megapixels', bytes: 1_000_000, seconds: 0.1066 },
} satisfies Record<string, Pictures>;

/** What AWS's pages say. */
export const documented = {
  /** GET requests a second for one partitioned prefix, at least. @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html */
  getsPerSecond: 5_500,
  /** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
  keysPerPage: 1_000,
  /** Instances that start at once, and then a second. @see https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html */
  instancesAtOnce: 1_000,
  instancesPerSecond: 2,
  /** Children of an array, jobs that wait, and SubmitJob calls a second. @see https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html */
  arraySize: 10_000,
  waitingJobs: 1_000_000,
  submitsPerSecond: 50,
  /** Child executions of a Distributed Map at once. @see https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html */
  mapConcurrency: 10_000,
  /** Calls of all functions of an account at once. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
  lambdaConcurrency: 1_000,
} as const;

/** What nobody has measured, and no page says. */
export const assumed = {
  /** Seconds until an instance has booted, joined and is ready to fetch the image, and what is paid after its last job. */
  bootSeconds: typicalRun.bootSeconds,
  /** Seconds until S3 answers a request for a page of a list. */
  listLatency: 0.15,
  /** Share of a core's engine speed that a child keeps while it reads and decodes: what the project asks of itself. */
  efficiency: 0.8,
  /** Seconds until S3 answers for a small object. */
  getLatency: 0.03,
  /** Bits a second between S3 and the machine of the one who submits. */
  uplink: 100e6,
  /** Bits a second between S3 and a c7a.large for long: its baseline. @see https://docs.aws.amazon.com/ec2/latest/instancetypes/co.html */
  instanceNetwork: 0.78e9,
  /** Share of Spot instances that are taken back in an hour. AWS's advisor gives classes by the month, the worst above 20 %. */
  interruptedPerHour: 0.05,
  /** Dollars of a Spot instance, as a share of its price on demand. */
  spotShare: 0.4,
} as const;

/** Seconds from a job's submission to its program, where an instance starts for it. */
export function instanceStart(image: keyof typeof trainingImages): number {
  return assumed.bootSeconds + imageSeconds(trainingImages[image]);
}

/** Dollars that `cli/cost/prices.json` does not have. @see https://aws.amazon.com/s3/pricing/, https://aws.amazon.com/step-functions/pricing/ and https://aws.amazon.com/emr/pricing/ (us-east-1) */
export const requestPrices = {
  get: 0.4e-6,
  /** PUT and LIST. */
  put: 5e-6,
  stateTransition: 25e-6,
  sparkVcpuHour: 0.052624,
  sparkGigabyteHour: 0.0057785,
} as const;
