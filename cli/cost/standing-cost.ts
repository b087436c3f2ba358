import { METRICS } from '#inference/telemetry/metrics.ts';
import { watchCount } from '#infra/watch/watch-count.ts';
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

/** Gigabytes and seconds of a call of the function that counts jobs: its memory, and an assumption. */
const COUNTING = { gigabytes: 0.25, seconds: 1 };

/** Dollars a month. */
export interface StandingCost {
  /** What is paid though nothing runs. */
  readonly idle: Readonly<Record<string, number>>;
  /** What is paid besides for requests. */
  readonly inUse: Readonly<Record<string, number>>;
  /** The most that is paid for what is free as long as the account has no others. */
  readonly free: Readonly<Record<string, number>>;
}

const GIGABYTE = 2 ** 30;

/**
 * What the stack costs by the month, whatever it does. Custom metrics are paid by the hour in which they were sent: all of them in each
 * hour of the month are counted, which is the most.
 *
 * @see https://aws.amazon.com/cloudwatch/pricing/ for the free tier: ten custom metrics, ten alarms and three dashboards of an account
 */
export function standingCosts({ storeGigabytes, requests, logBytes }: Standing, prices: Prices): StandingCost {
  const endpointMetrics = Object.keys(METRICS).length;
  const imageBytes = trainingImages.cpu.compressed + trainingImages.gpu.compressed;
  return {
    idle: {
      'training images, in ECR': (imageBytes / GIGABYTE) * prices.imageRegistry.gigabyteMonth,
      'models and data, in S3': storeGigabytes * prices.storage.gigabyteMonth,
      'the function that counts jobs': countingCost(prices),
    },
    inUse: {
      'a month of logs': ((requests * logBytes) / GIGABYTE) * prices.logs.keptGigabyteMonth,
    },
    free: {
      [`${endpointMetrics} metrics of the endpoint`]: endpointMetrics * prices.metrics.metricMonth,
      [`${watchCount.customMetrics} metric of jobs`]: watchCount.customMetrics * prices.metrics.metricMonth,
      [`${watchCount.alarms} alarms`]: watchCount.alarms * prices.alarms.alarmMonth,
      'a dashboard': watchCount.dashboards * prices.dashboards.dashboardMonth,
    },
  };
}

/** It is called every five minutes, whether there are jobs or not. */
function countingCost({ lambda }: Prices): number {
  const calls = watchCount.functionCalls;
  const { gigabytes, seconds } = COUNTING;
  return (calls / 1e6) * lambda.millionRequests + calls * gigabytes * seconds * lambda.gigabyteSecond;
}
