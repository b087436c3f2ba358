import { Command, Option } from 'commander';
import { UsageError } from '#errors/user-error.ts';
import { duration } from '#training/commands/run-view.ts';
import { bulkCosts, FLEET, type FleetCost, PICTURE_SECONDS, sweepCost } from '../cost/fleet-cost.ts';
import { type PriceSource, priceSources, priceWarning } from '../cost/price-dates.ts';
import prices from '../cost/prices.json' with { type: 'json' };
import { FUNCTION_MEMORY, type Serving, type ServingCost, servingCosts } from '../cost/serving-cost.ts';
import { type StandingCost, standingCosts } from '../cost/standing-cost.ts';
import { type TrainingCost, trainingCost, trainingImages, typicalRun } from '../cost/training-cost.ts';

/** Bytes of a 32x32 PNG, its answer with headers, and the line that the log keeps. */
const SIZES = { requestBytes: 1445, answerBytes: 745, logBytes: 788 };
/** Instances that the stack trains on, one of the CPU queue and three of the GPU queue. */
const TRAINING = [
  { instance: 'c7a.large', image: trainingImages.cpu },
  ...['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'].map((instance) => ({ instance, image: trainingImages.gpu })),
];

/** As many as a plan may have. */
const MOST_RUNS = 1_000_000;

interface Options {
  readonly perMonth: number;
  readonly milliseconds: number;
  readonly coldShare: number;
  readonly coldMilliseconds: number;
  readonly instance: string;
  readonly trainingSeconds: number;
  readonly runs: number;
  readonly bootSeconds: number;
  readonly storeGigabytes: number;
  readonly json?: boolean;
}

const examples = `
Prices are list prices of one region, without free tiers and discounts; each
has its date and its page at the end. "npm run prices" reads them anew from
AWS's public price list. Default times are from docs/results.md, measured on one
machine: a warm request of the seed network, a cold start, and a training run of
two minutes with its test. Times on AWS differ. The share of cold requests and
the boot time of an instance are assumptions, and fetching and unpacking the
training image is computed by the speed of the instance's disk. Replace them by
your own figures.

Examples:
  ./cifar10 cost
    a million a month, and a training run of two minutes
  ./cifar10 cost --per-month 100000000 --instance c7g.large
    where an instance that is always on costs less
  ./cifar10 cost --training-seconds 3600 --json
    a run of an hour, as JSON
  ./cifar10 cost --runs 100 --training-seconds 600
    a sweep of 100 runs of ten minutes`;

export function costCommand(): Command {
  return new Command('cost')
    .description(
      'Estimate what a month, a million classifications, a training run and a sweep cost, and what alternatives would.',
    )
    .option('--per-month <number>', 'classifications a month', numberOf('--per-month'), 1_000_000)
    .option('--milliseconds <number>', 'duration of a warm request', numberOf('--milliseconds'), 0.75)
    .option('--cold-share <fraction>', 'share of requests that start a process', numberOf('--cold-share'), 0.01)
    .option(
      '--cold-milliseconds <number>',
      'duration of such a request, INIT included',
      numberOf('--cold-milliseconds'),
      166,
    )
    .addOption(
      new Option('--instance <type>', 'the instance that is always on')
        .choices(Object.keys(prices.instances.hour))
        .default('t4g.small'),
    )
    .option(
      '--training-seconds <number>',
      'duration of a training run',
      numberOf('--training-seconds'),
      typicalRun.seconds,
    )
    .option('--runs <number>', 'runs of a sweep', numberOf('--runs'), 24)
    .option(
      '--boot-seconds <number>',
      'boot and end of an instance, without the image',
      numberOf('--boot-seconds'),
      typicalRun.bootSeconds,
    )
    .option('--store-gigabytes <number>', 'size of the bucket: data, runs and models', numberOf('--store-gigabytes'), 1)
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(cost);
}

function cost({ json, ...options }: Options): void {
  check(options);
  const {
    perMonth: requests,
    trainingSeconds: seconds,
    runs,
    bootSeconds,
    storeGigabytes,
    instance,
    ...times
  } = options;
  const { milliseconds, coldShare, coldMilliseconds } = times;
  const serving: Serving = {
    ...{ requests, milliseconds, coldShare, coldMilliseconds, instance, memory: FUNCTION_MEMORY },
    ...SIZES,
  };
  const training = { seconds, bootSeconds };
  const { region } = prices;
  const warning = priceWarning(prices);
  const costs = {
    ...{
      region,
      sources: priceSources(prices),
      ...(warning && { warning }),
      serving,
      million: servingCosts(serving, prices),
      training,
    },
    month: standingCosts({ storeGigabytes, requests, logBytes: SIZES.logBytes }, prices),
    run: TRAINING.map(({ instance, image }) => trainingCost(instance, { ...training, image }, prices)),
    sweep: { runs, ...sweepCost(runs, training, prices) },
    bulk: bulkCosts(bootSeconds, prices),
  };
  process.stdout.write(`${json ? JSON.stringify(costs, undefined, 2) : describe(costs).join('\n')}\n`);
}

function check({ instance: _, ...numbers }: Omit<Options, 'json'>): void {
  for (const [name, value] of Object.entries(numbers)) {
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const wanted = name === 'coldShare' ? 'a fraction from 0 to 1' : 'a number, 0 or more';
    const most = name === 'coldShare' ? 1 : Number.MAX_SAFE_INTEGER;
    if (!(value >= 0 && value <= most)) throw new UsageError(`${option} must be ${wanted}, not ${value}.`);
  }
  if (!Number.isInteger(numbers.runs) || numbers.runs < 1 || numbers.runs > MOST_RUNS) {
    throw new UsageError(`--runs must be a whole number from 1 to ${MOST_RUNS}, not ${numbers.runs}.`);
  }
  if (numbers.perMonth < 1) throw new UsageError(`--per-month must be 1 or more, not ${numbers.perMonth}.`);
}

/** `Number` would take an empty text for 0. @throws {UsageError} the text is no number */
const numberOf = (option: string) => (text: string) => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(value)) throw new UsageError(`${option} must be a number, 0 or more, not ${JSON.stringify(text)}.`);
  return value;
};

interface Costs {
  readonly region: string;
  readonly sources: readonly PriceSource[];
  /** Prices that are too old. */
  readonly warning?: string;
  readonly serving: Serving;
  readonly million: readonly ServingCost[];
  readonly training: { readonly seconds: number; readonly bootSeconds: number };
  readonly run: readonly TrainingCost[];
  readonly sweep: FleetCost & { readonly runs: number };
  readonly bulk: readonly FleetCost[];
  readonly month: StandingCost;
}

function describe(costs: Costs): string[] {
  const { region, sources, warning, serving, million, training, run, sweep, bulk, month } = costs;
  const cold = Number((100 * serving.coldShare).toPrecision(6));
  return [
    ...wrapped(`Dollars at list prices of ${region}, on demand, of ${datesOf(sources)}.`),
    ...(warning ? wrapped(`! ${warning}`) : []),
    '',
    ...wrapped(
      'A month in which nothing runs: no instance, no gateway and no request is paid for, but what is kept is, and the watch.',
    ),
    ...Object.entries(month.idle).map(([part, each]) => line(part, each)),
    ...wrapped('In a month with requests also:'),
    ...Object.entries(month.inUse).map(([part, each]) => line(part, each)),
    ...wrapped(
      'Free as long as the account has no others (ten custom metrics, ten alarms and three dashboards are), and else at most, ' +
        'where metrics are sent in each hour of the month:',
    ),
    ...Object.entries(month.free).map(([part, each]) => line(part, each)),
    '',
    ...wrapped(
      `A million classifications, at ${serving.requests.toLocaleString('en')} a month, assuming ` +
        `${serving.milliseconds} ms each, ${cold} % of them cold with ${serving.coldMilliseconds} ms.`,
    ),
    ...million.flatMap(({ name, dollars, without, parts }) => [
      line(name, dollars),
      ...Object.entries(parts).map(([part, each]) => line(`  ${part}`, each)),
      ...(without ? wrapped(`without ${without}`, 4) : []),
    ]),
    '',
    ...wrapped(
      `A training run of ${training.seconds} s, on demand, on an instance that boots for it in ${training.bootSeconds} s and ` +
        'then fetches and unpacks the image.',
    ),
    ...run.map(({ instance, imageSeconds, dollars }) =>
      line(`${instance}, image ${Math.round(imageSeconds)} s`, dollars),
    ),
    '',
    ...wrapped(
      `A sweep of ${sweep.runs.toLocaleString('en')} such runs in an array, ${FLEET.machines} at once on ${FLEET.instance}, each of ` +
        'which boots once.',
    ),
    line(`done in ${duration(sweep.seconds)}`, sweep.dollars),
    '',
    ...wrapped(
      `A million pictures of 32x32 pixels at once, ${Number((1000 * PICTURE_SECONDS).toPrecision(3))} ms of a processor each, the ` +
        `reading from S3 not included; the array with ${FLEET.machines} jobs at once on ${FLEET.instance}.`,
    ),
    ...bulk.map(({ name, seconds, dollars }) => line(`${name}, ${duration(seconds)}`, dollars)),
    ...million.slice(0, 1).map(({ name, dollars }) => line(`${name}, as above`, dollars)),
    '',
    ...wrapped('The prices, with their dates and pages (cli/cost/prices.json says which of a page):'),
    ...sources.map(({ group, asOf, source }) => `  ${group.padEnd(20)} ${asOf.padEnd(11)} ${pageOf(source)}`),
  ];
}

/** The address that a source begins with. */
function pageOf(source: string): string {
  return source.replace(/ .*/, '');
}

/** Such as `2025-09 to 2026-01-19`. */
function datesOf(sources: readonly PriceSource[]): string {
  const [first, last] = [sources[0]?.asOf, sources.at(-1)?.asOf];
  return first === last ? `${first}` : `${first} to ${last}`;
}

function line(name: string, dollars: number): string {
  return `  ${name.padEnd(36)} $${dollars.toFixed(4).padStart(9)}`;
}

/** Lines of at most 80 columns. */
function wrapped(text: string, indent = 0): string[] {
  const lines = text.match(new RegExp(`\\S.{0,${79 - indent}}(?=\\s|$)`, 'g')) ?? [];
  return lines.map((each) => ' '.repeat(indent) + each);
}
