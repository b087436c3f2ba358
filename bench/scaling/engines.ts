import prices from '#cli/cost/prices.json' with { type: 'json' };
import { assumed, documented, type Measured, type Pictures, requestPrices } from './constants.ts';

/** Gigabytes and vCPUs of the stack's function, which has one. */
const FUNCTION_GIGABYTES = 1769 / 1024;
/** Pictures of one call, and of a child execution: some seconds' work. */
const BATCH = 500;
/** State transitions of a child execution: its start, its task, its end. */
const TRANSITIONS = 3;
/** Seconds until a function that was never called answers, and until Spark's workers do. */
const FUNCTION_START = 2;
const SPARK_START = 90;
/** Bytes of a file that many pictures are packed into, and gigabytes of memory a vCPU of a worker. */
const PACKED_BYTES = 128 * 2 ** 20;
const WORKER_GIGABYTES = 4;
/** A driver and a worker. */
const LEAST_VCPUS = 8;

/** What another engine takes for the work alone: no listing and no merging. */
export interface OtherEngine {
  readonly seconds: number;
  readonly dollars: number;
}

/**
 * Step Functions' Distributed Map over a Lambda that classifies pictures by their keys. Its cores take as long as those of our
 * machines: WebAssembly has the same vectors on both.
 */
export function distributedMap(pictures: number, kind: Pictures, { get }: Measured): OtherEngine {
  const calls = Math.ceil(pictures / BATCH);
  const call = BATCH * ((kind.seconds + get) / assumed.efficiency);
  // More than S3 feeds would only wait for it, and be paid for.
  const fed = Math.ceil((documented.getsPerSecond * call) / BATCH);
  const atOnce = Math.min(documented.lambdaConcurrency, documented.mapConcurrency, calls, fed);
  const work = Math.ceil(calls / atOnce) * call;
  return {
    seconds: FUNCTION_START + work,
    dollars:
      calls * call * FUNCTION_GIGABYTES * prices.lambda.gigabyteSecond +
      (calls / 1e6) * prices.lambda.millionRequests +
      calls * TRANSITIONS * requestPrices.stateTransition +
      pictures * requestPrices.get,
  };
}

/**
 * Spark over the ONNX export, on EMR Serverless, where the pictures are packed into large files: S3 is asked for few objects.
 *
 * @param mostVcpus fewer are used where that takes minutes at most
 */
export function spark(pictures: number, kind: Pictures, mostVcpus: number): OtherEngine {
  const work = (pictures * kind.seconds) / assumed.efficiency;
  const vcpus = Math.min(mostVcpus, Math.max(LEAST_VCPUS, Math.ceil(work / SPARK_START)));
  const files = Math.ceil((pictures * kind.bytes) / PACKED_BYTES);
  const hours = (work + vcpus * SPARK_START) / 3600;
  const vcpuHour = requestPrices.sparkVcpuHour + WORKER_GIGABYTES * requestPrices.sparkGigabyteHour;
  return { seconds: SPARK_START + work / vcpus, dollars: hours * vcpuHour + files * requestPrices.get };
}
