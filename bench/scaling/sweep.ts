import prices from '#cli/cost/prices.json' with { type: 'json' };
import { machineHour } from '#cli/cost/training-cost.ts';
import { spotCost } from './classification.ts';
import { assumed, documented, instanceStart, type Measured, requestPrices } from './constants.ts';

const CHILD_VCPUS = 2;
const INSTANCE = 'c7a.large';
/** Requests of a run that write: events, checkpoints, marks, the result; counted in runs of `minute`. */
const WRITES = 40;
/** Bytes of a result: one bit for each of 5,000 held-out images, as base64, and the curve. */
const RESULT_BYTES = 2_500;

export interface Sweep {
  readonly runs: number;
  /** Seconds of a run on the two cores of a child. */
  readonly runSeconds: number;
  readonly vcpus: number;
}

export interface SweepCost {
  readonly children: number;
  readonly arrays: number;
  readonly start: number;
  readonly work: number;
  /** To read all results for the report. */
  readonly report: number;
  readonly seconds: number;
  readonly planBytes: number;
  readonly resultBytes: number;
  readonly dollars: { readonly machines: number; readonly spot: number; readonly requests: number };
}

/** The arithmetic of docs/scaling.md for sweeps on processors. @param measured what one core takes for each step */
export function sweepCost({ runs, runSeconds, vcpus }: Sweep, measured: Measured): SweepCost {
  const children = Math.min(runs, Math.floor(vcpus / CHILD_VCPUS));
  const late = Math.max(0, children - documented.instancesAtOnce) / documented.instancesPerSecond;
  const start = instanceStart('cpu') + measured.childStart + late;
  const work = Math.ceil(runs / children) * runSeconds;
  const resultBytes = runs * RESULT_BYTES;
  const report = (8 * resultBytes) / assumed.uplink + runs * measured.get;
  const machines = ((children * start + runs * runSeconds) / 3600) * machineHour(INSTANCE, prices);
  return {
    ...{ children, start, work, report, resultBytes },
    arrays: Math.ceil(runs / documented.arraySize),
    seconds: start + work + report,
    planBytes: runs * measured.itemBytes.sweep,
    dollars: {
      machines,
      // A run resumes at a checkpoint that is a minute old at most.
      spot: spotCost(machines, 30 + start),
      requests: runs * (WRITES * requestPrices.put + 2 * requestPrices.get),
    },
  };
}
