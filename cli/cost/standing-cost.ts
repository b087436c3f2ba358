import { METRICS } from '#inference/telemetry/metrics.ts';
import type prices from './prices.json';
import { trainingImages } from './training-cost.ts';

type Prices = typeof prices;

/** What the account keeps. */
export interface Standing {
  /** Gigabytes of the bucket: the data set (0.18), the runs and the versions (about 9 MB a training). */
  readonly storeGigabytes: number;
  /** Classifications a month, and the bytes of log of each; the log keeps a month of them. */
  readonly requests: number;
  readonly logBytes: number;
}

/** Dollars a month. */
export interface StandingCost {
  /** What is paid though nothing runs. */
  readonly idle: Readonly<Record<string, number>>;
  /** What is paid besides once there are requests, however few. */
  readonly inUse: Readonly<Record<string, number>>;
}

const GIGABYTE = 2 ** 30;

/**
 * What the stack costs by the month, whatever it does. Custom metrics are paid by the hour in which they were sent: seven in
 * each hour of the month are reckoned with, which is the most.
 */
export function standingCosts({ storeGigabytes, requests, logBytes }: Standing, prices: Prices): StandingCost {
  const imageBytes = trainingImages.cpu.compressed + trainingImages.gpu.compressed;
  return {
    idle: {
      'training images, in ECR': (imageBytes / GIGABYTE) * prices.imageRegistry.gigabyteMonth,
      'models and data, in S3': storeGigabytes * prices.storage.gigabyteMonth,
    },
    inUse: {
      'custom metrics': Object.keys(METRICS).length * prices.metrics.metricMonth,
      'a month of logs': ((requests * logBytes) / GIGABYTE) * prices.logs.keptGigabyteMonth,
    },
  };
}
