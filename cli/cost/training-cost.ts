import type prices from './prices.json';
import { hourOf } from './serving-cost.ts';

type Prices = typeof prices;

/** Bytes of a training image: as a registry keeps it, and as files. */
export interface ImageSize {
  readonly compressed: number;
  readonly unpacked: number;
}

/** The training images, as `npm run bench -- image` measures them. */
export const trainingImages = {
  cpu: { compressed: 308e6, unpacked: 1_035e6 },
  gpu: { compressed: 2_472e6, unpacked: 4_320e6 },
} satisfies Record<string, ImageSize>;

/** A run with its test, as "quick" was until 2026-11-29 (docs/results.md), and an assumption of an instance's boot and end. */
export const typicalRun = { seconds: 130, bootSeconds: 120 };

export interface Training {
  /** Time that the job runs. */
  readonly seconds: number;
  /** Time that the instance is paid for before it can fetch the image, and after the job. */
  readonly bootSeconds: number;
  /** The image of the job. */
  readonly image: ImageSize;
}

export interface TrainingCost {
  readonly instance: string;
  /** Time from the end of the boot to the start of the program. */
  readonly imageSeconds: number;
  readonly dollars: number;
}

/** Gigabytes: as the stack's launch template says. */
const DISK_GIGABYTES = 60;
/** EC2 bills no less. */
const LEAST_SECONDS = 60;
/**
 * Bytes a second that the instance's gp3 volume writes: 125 MiB/s, its baseline.
 *
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
 */
const DISK_RATE = 125 * 2 ** 20;

/**
 * Seconds until an instance that never had the image has it: its layers are written as they come, then unpacked one by one. The
 * network of these instances is faster than their disk, and so is gunzip.
 */
export function imageSeconds({ compressed, unpacked }: ImageSize): number {
  return (compressed + unpacked) / DISK_RATE;
}

/** Dollars for one run on an instance that boots for it, on demand. Spot costs less, by how much changes from hour to hour. */
export function trainingCost(
  instance: string,
  { seconds, bootSeconds, image }: Training,
  prices: Prices,
): TrainingCost {
  const pulling = imageSeconds(image);
  const paid = Math.max(LEAST_SECONDS, Math.ceil(bootSeconds + pulling + seconds));
  return { instance, imageSeconds: pulling, dollars: (paid / 3600) * machineHour(instance, prices) };
}

/** Dollars for an hour of an instance on demand, with its address and its disk. */
export function machineHour(instance: string, prices: Prices): number {
  return hourOf(instance, prices) + prices.publicAddress.hour + (DISK_GIGABYTES * prices.disk.gigabyteMonth) / 730;
}
