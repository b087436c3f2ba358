import { availableParallelism } from 'node:os';
import type { BulkModel } from '#jobs/bulk/bulk-model.ts';
import { openHere } from '#jobs/bulk/open-here.ts';
import { BYTE_SECONDS } from '../../cost/fleet-cost.ts';
import prices from '../../cost/prices.json' with { type: 'json' };
import { FUNCTION_MEMORY, servingCosts } from '../../cost/serving-cost.ts';
import { describeDollars, type PlanEstimate, roundedTime } from '../../fleet/estimate.ts';

/** Bytes a second that pictures are fetched with, an assumption: 100 Mbit/s. */
const DOWNLOAD = 12.5e6;
/** What the stack lets a holder of the key ask in a second; see docs/aws.md. */
const REQUESTS_A_SECOND = 40;
/** Milliseconds in which pictures are timed. */
const TIMED = 200;

/** A way to classify the same pictures. */
export interface Way {
  readonly name: string;
  readonly seconds: number;
  readonly dollars: number | undefined;
  readonly basis: string;
}

/**
 * What the same pictures take and cost by other ways, the array last.
 *
 * @param pictureSeconds that a small picture takes on a core of this machine, as `secondsHere` measures it
 */
export function waysFor(
  { objects, bytes }: { readonly objects: number; readonly bytes: number },
  { pictureSeconds, array }: { readonly pictureSeconds: number; readonly array: PlanEstimate },
): Way[] {
  const cores = availableParallelism();
  const computing = objects * pictureSeconds + bytes * BYTE_SECONDS;
  const lambda = servingCosts(
    {
      ...{ requests: objects, milliseconds: (1000 * computing) / objects, coldShare: 0.001, coldMilliseconds: 166 },
      ...{
        memory: FUNCTION_MEMORY,
        requestBytes: bytes / objects,
        answerBytes: 745,
        logBytes: 788,
        instance: 't4g.small',
      },
    },
    prices,
  )[0]!;
  const each = `${(1000 * pictureSeconds).toFixed(2)} ms a picture on each of ${cores} cores, measured now`;
  return [
    {
      name: 'this machine',
      // The network and the processor work at the same time.
      seconds: Math.max(bytes / DOWNLOAD, computing / cores),
      dollars: (bytes / 2 ** 30) * prices.transferOut.gigabyte,
      basis: `${each}; fetched with ${(DOWNLOAD * 8) / 1e6} Mbit/s`,
    },
    {
      name: 'the endpoint',
      seconds: objects / REQUESTS_A_SECOND,
      dollars: (lambda.dollars * objects) / 1e6,
      basis: `Lambda; ${REQUESTS_A_SECOND} requests a second, as the stack lets a key`,
    },
    {
      name: 'the array',
      seconds: array.seconds,
      dollars: array.dollars,
      basis: `${array.atOnce} ${array.atOnce === 1 ? 'job' : 'jobs'} at once, their start included`,
    },
  ];
}

/** A line for each way, and which is the cheapest and which the fastest. */
export function describeWays(ways: readonly Way[]): string {
  const lines = ways.map(
    ({ name, seconds, dollars, basis }) =>
      `  ${name.padEnd(14)} about ${roundedTime(seconds).padEnd(14)} ${describeDollars(dollars).padEnd(16)} ${basis}`,
  );
  const least = (of: (way: Way) => number) => ways.reduce((best, way) => (of(way) < of(best) ? way : best)).name;
  const [fastest, cheapest] = [
    least(({ seconds }) => seconds),
    least(({ dollars }) => dollars ?? Number.POSITIVE_INFINITY),
  ];
  const verdict =
    fastest === cheapest ? `Fastest and cheapest: ${fastest}.` : `Fastest: ${fastest}. Cheapest: ${cheapest}.`;
  return [...lines, verdict].join('\n');
}

/** Seconds that a small picture takes one core of this machine, by images of the model's own size. */
export async function secondsHere(model: BulkModel): Promise<number> {
  const { height, width, channels } = model.card.input;
  const answer = await openHere(model, {});
  const pictures = Array.from({ length: 32 }, (_, index) => ({
    file: 'timed',
    bytes: new Uint8Array(height * width * channels).fill(8 * index),
  }));
  await answer(pictures); // The first ones wait for the compiler.
  const began = performance.now();
  let count = 0;
  for (; performance.now() - began < TIMED; count += pictures.length) await answer(pictures);
  return (performance.now() - began) / 1000 / count;
}
