import { UsageError } from '#errors/user-error.ts';
import type { Auth } from '#infra/classify/auth.ts';
import type { Shift } from '#infra/classify/shift.ts';
import { checkMaxVcpus, defaultMaxVcpus } from '#infra/training/max-vcpus.ts';
import { checkPictureBuckets } from '#infra/training/picture-buckets.ts';
import { checkBudget, checkEmail } from '#infra/watch/email.ts';
import { trainingImage as localImage } from '#local/training-image.ts';
import { parseEcrImage } from './ecr-image.ts';
import type { StackOutputs, Target } from './target.ts';

/** What a deployment may be asked for. What it is not asked for stays as the last deployment left it. */
export interface DeployOptions {
  /** The image in a registry that GPU jobs run, or `build`: built here by Docker; on LocalStack the program of this clone. */
  readonly trainingImage?: string | undefined;
  /** The image in a registry that jobs without a GPU run, or `build`. */
  readonly cpuTrainingImage?: string | undefined;
  /** Who may classify. */
  readonly auth?: Auth | undefined;
  /** Other web origins that may call the endpoint. */
  readonly origins?: readonly string[] | undefined;
  /** Other buckets whose pictures jobs may classify. */
  readonly pictureBuckets?: readonly string[] | undefined;
  /** The vCPUs that a queue has at most, on Spot instances and again on demand. */
  readonly maxVcpus?: number | undefined;
  /** How requests go over to new code. */
  readonly shift?: Shift | undefined;
  /** Whether dashboard, alarms and notices are part of the stack. */
  readonly watch?: 'on' | 'off' | undefined;
  /** Who gets alarms and notices by e-mail, or `none`. */
  readonly email?: string | undefined;
  /** US dollars a month of the whole account, of which an e-mail warns, or `none`. */
  readonly budget?: number | 'none' | undefined;
}

/** What is deployed. */
export interface DeploySettings {
  /** `undefined` where Docker builds it. */
  readonly trainingImage: string | undefined;
  readonly cpuTrainingImage: string | undefined;
  readonly auth: Auth;
  readonly origins: readonly string[];
  readonly pictureBuckets: readonly string[];
  readonly maxVcpus: number;
  readonly shift: Shift;
  readonly watch: 'on' | 'off';
  readonly email: string | undefined;
  readonly budget: number | undefined;
}

/**
 * The options, and for what they leave out those of the last deployment, which the stack's outputs keep.
 *
 * @param kept the outputs of the stack, if there is one
 * @throws {UsageError} the stack cannot use an image or the limit of vCPUs, or a bucket is none, or the stack's own
 */
export function settleOptions(
  target: Target,
  options: DeployOptions,
  kept: Partial<StackOutputs> = {},
): DeploySettings {
  // Nothing can be built for LocalStack, which has no registry.
  const built = target.name === 'local' ? localImage : undefined;
  const image = (asked: string | undefined, before: string | undefined, option: string) => {
    const wanted = asked ?? before ?? 'build';
    return wanted === 'build' ? built : usableImage(target, wanted, option);
  };
  return {
    trainingImage: image(options.trainingImage, kept.TrainingImage, '--training-image'),
    cpuTrainingImage: image(options.cpuTrainingImage, kept.CpuTrainingImage, '--cpu-training-image'),
    auth: options.auth ?? kept.Auth ?? 'key',
    origins: options.origins ?? kept.Origins?.split(' ') ?? [],
    pictureBuckets: usableBuckets(options.pictureBuckets ?? kept.PictureBuckets?.split(' ') ?? [], kept.BucketName),
    maxVcpus: usage('--max-vcpus', () => checkMaxVcpus(options.maxVcpus ?? Number(kept.MaxVcpus ?? defaultMaxVcpus))),
    shift: options.shift ?? kept.Shift ?? 'canary',
    watch: options.watch ?? kept.Watch ?? 'on',
    ...settleNotices(options, kept),
  };
}

/** Who is told by e-mail, and of which budget. */
function settleNotices(options: DeployOptions, kept: Partial<StackOutputs>): Pick<DeploySettings, 'email' | 'budget'> {
  const wantedEmail = options.email ?? kept.Email ?? 'none';
  const email = wantedEmail === 'none' ? undefined : usage('--email', () => checkEmail(wantedEmail));
  const wantedBudget = options.budget ?? (kept.Budget === undefined ? 'none' : Number(kept.Budget));
  if (wantedBudget === 'none') return { email, budget: undefined };
  if (email === undefined) {
    throw new UsageError(
      options.budget === undefined
        ? `--email none: the budget of ${wantedBudget} USD a month would have nobody to tell. Give --budget none with it, or another address.`
        : `--budget ${wantedBudget}: nobody would be told of it. Give an address with it, such as --email me@example.org.`,
    );
  }
  return { email, budget: usage('--budget', () => checkBudget(wantedBudget, email)).amount };
}

/** @param own the stack's bucket, of which jobs may read `pictures/` and no more */
function usableBuckets(buckets: readonly string[], own: string | undefined): readonly string[] {
  if (own !== undefined && buckets.includes(own)) {
    throw new UsageError(
      `--pictures: ${own} is the stack’s own bucket. Jobs may read the pictures below s3://${own}/pictures/ without this option; put them there.`,
    );
  }
  return usage('--pictures', () => checkPictureBuckets(buckets));
}

/** What the stack refuses is a mistake of the option. */
function usage<Value>(option: string, check: () => Value): Value {
  try {
    return check();
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Refuses an image in another account's or region's ECR. The job's role may pull from its own account only, and the other
 * account would have to allow it as well; between regions every pull is paid for, by the gigabyte.
 */
function usableImage(target: Target, image: string, option: string): string {
  const found = parseEcrImage(image);
  if (found === undefined || target.name === 'local') return image;
  const { account, region } = found;
  const here = `${target.account}.dkr.ecr.${target.region}`;
  const copy = `Copy it to ${here}.…, for example with "docker buildx imagetools create", or let it be built with ${option} build.`;
  if (account !== target.account) {
    throw new UsageError(
      `${option}: ${image} is in the registry of account ${account}, and the stack in account ${target.account}. Jobs may pull from the registry of their own account only. ${copy}`,
    );
  }
  if (region !== target.region) {
    throw new UsageError(
      `${option}: ${image} is in region ${region}, and the stack in ${target.region}. Every job would pull it across regions, which takes longer and is paid for by the gigabyte. ${copy}`,
    );
  }
  return image;
}
