import { expect, test, vi } from 'vitest';
import measured from '../../results/2026-11-27-serve.json' with { type: 'json' };
import { bulkCosts, sweepCost } from '../cost/fleet-cost.ts';
import { priceWarning } from '../cost/price-dates.ts';
import prices from '../cost/prices.json' with { type: 'json' };
import { type Serving, servingCosts } from '../cost/serving-cost.ts';
import { standingCosts } from '../cost/standing-cost.ts';
import { trainingCost, trainingImages } from '../cost/training-cost.ts';
import { costCommand } from './cost.ts';

const none = { source: '', asOf: '2026-01' };
/** Not AWS's, but easy to compute with. */
const round = {
  ...prices,
  lambda: { ...none, gigabyteSecond: 0.00001, millionRequests: 0.2 },
  apiGateway: { ...none, millionRequests: 3, millionHttpRequests: 1 },
  logs: { ...none, gigabyte: 0.5, keptGigabyteMonth: 0.03 },
  metrics: { ...none, metricMonth: 0.3 },
  alarms: { ...none, alarmMonth: 0.2 },
  dashboards: { ...none, dashboardMonth: 4 },
  storage: { ...none, gigabyteMonth: 0.02 },
  imageRegistry: { ...none, gigabyteMonth: 0.1 },
  transferOut: { ...none, gigabyte: 0.1 },
  sagemakerServerless: { ...none, gigabyteSecond: 0.00002, gigabyteInOrOut: 0.01 },
  disk: { ...none, gigabyteMonth: 0.1 },
  publicAddress: { ...none, hour: 0.01 },
  instances: { ...none, hour: { ...prices.instances.hour, 't4g.small': 0.02, 'g5.xlarge': 1 } },
};

const serving: Serving = {
  ...{ requests: 2_000_000, milliseconds: 3.2, coldShare: 0.1, coldMilliseconds: 400, memory: 1536 },
  // 1, 2 and 4 GiB for a million.
  ...{ requestBytes: 1073.741824, answerBytes: 2147.483648, logBytes: 4294.967296, instance: 't4g.small' },
};

test('a million classifications cost what they do by hand', () => {
  const [lambda, http, url, instance, sagemaker] = servingCosts(serving, round);
  // 0.9 * 4 ms + 0.1 * 400 ms = 43.6 ms; a million of them are 43,600 s, with 1.5 GB 65,400 GB s, $0.654.
  expect(lambda!.parts['Lambda time']).toBeCloseTo(0.654, 10);
  expect(lambda!.dollars).toBeCloseTo(3 + 0.2 + 0.654 + 2 * 0.1 + 4 * 0.5, 10);
  expect(http!.dollars).toBeCloseTo(lambda!.dollars - 2, 10);
  expect(url!.dollars).toBeCloseTo(lambda!.dollars - 3, 10);
  // Half a month: 365 h of $0.02 and of $0.01, 8 GB of disk.
  expect(instance!.dollars).toBeCloseTo(7.3 + 3.65 + 0.4 + 0.2 + 2, 10);
  // 4,000 s of 2 GB, and 3 GiB in and out.
  expect(sagemaker!.dollars).toBeCloseTo(0.16 + 0.03 + 0.2 + 2, 10);
});

test('a run costs what it does by hand, and never less than a minute', () => {
  const besides = 0.01 + 6 / 730;
  // 10 s for 1,250 MiB.
  const image = { compressed: 250 * 2 ** 20, unpacked: 1000 * 2 ** 20 };
  const run = trainingCost('g5.xlarge', { seconds: 1700, bootSeconds: 90, image }, round);
  expect(run).toMatchObject({ instance: 'g5.xlarge', imageSeconds: 10 });
  expect(run.dollars).toBeCloseTo((1 + besides) / 2, 10);
  const short = trainingCost('g5.xlarge', { seconds: 1, bootSeconds: 0, image }, round);
  expect(short.dollars).toBeCloseTo((1 + besides) / 60, 10);
});

test('a sweep and a million pictures in an array cost what they do by hand: each machine boots once', () => {
  const hour = { ...round, instances: { ...none, hour: { ...round.instances.hour, 'c7a.large': 0.1 } } };
  const start = 100 + (trainingImages.cpu.compressed + trainingImages.cpu.unpacked) / (125 * 2 ** 20);
  const dollars = (seconds: number) => (seconds / 3600) * (0.1 + 0.01 + 6 / 730);
  const sweep = sweepCost(20, { seconds: 600, bootSeconds: 100 }, hour);
  expect(sweep.seconds).toBeCloseTo(start + 3 * 600, 6); // 20 runs on 8 machines
  expect(sweep.dollars).toBeCloseTo(dollars(8 * start + 20 * 600), 10);
  const [array, here] = bulkCosts(100, hour);
  expect(array!.dollars).toBeCloseTo(dollars(8 * start + 471.5), 10);
  expect(here).toMatchObject({ seconds: 471.5, dollars: 0 });
});

test('a month costs what it does by hand, also while nothing runs', () => {
  const { idle, inUse, free } = standingCosts({ storeGigabytes: 5, requests: 2 ** 20, logBytes: 2 ** 10 }, round);
  const gigabytes = (trainingImages.cpu.compressed + trainingImages.gpu.compressed) / 2 ** 30;
  // 8,640 calls of a second with 0.25 GB.
  const counting = 0.00864 * 0.2 + 8640 * 0.25 * 0.00001;
  const kept = [gigabytes / 10, 0.1, counting].map((each) => expect.closeTo(each, 10));
  expect(Object.values(idle)).toEqual(kept);
  // 1 GiB of log.
  expect(Object.values(inUse)).toEqual([expect.closeTo(0.03, 10)]);
  // Seven metrics of the endpoint, one of jobs, ten alarms and a dashboard, where the free tier is used up.
  expect(Object.values(free)).toEqual([expect.closeTo(2.1, 10), expect.closeTo(0.3, 10), 2, 4]);
});

async function cost(...args: string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  try {
    await costCommand().exitOverride().parseAsync(args, { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed;
}

test('computes with what was measured, unless told otherwise', async () => {
  const { serving } = JSON.parse(await cost('--json'));
  const seed = measured.starts.find(({ bundle, model }) => bundle === 'the Lambda’s' && model === 'seed')!;
  expect(serving.milliseconds).toBe(Number(measured.handler.toFixed(2)));
  expect(serving.coldMilliseconds).toBe(Math.round(seed.firstAnswer));
});

test('prints the prices that it computes with, their dates and pages, and the same figures as JSON', async () => {
  const { million, run, sweep, bulk, month, region, sources } = JSON.parse(
    await cost('--json', '--per-month', '500000'),
  );
  expect(region).toBe(prices.region);
  expect(sources).toHaveLength(Object.keys(prices).length - 2);
  expect(run).not.toHaveLength(0);
  const text = await cost('--per-month', '500000');
  expect(text).toContain(`Dollars at list prices of ${region}, on demand, of ${sources[0].asOf}`);
  expect(text).toMatch(/^ {2}imageRegistry {8}\d{4}-\d\d\S* +https:\/\/aws\.amazon\.com\/ecr\/pricing\/$/m);
  for (const { dollars } of [...million, ...run, sweep, ...bulk]) expect(text).toContain(dollars.toFixed(4));
  for (const dollars of Object.values({ ...month.idle, ...month.inUse, ...month.free }))
    expect(text).toContain(Number(dollars).toFixed(4));
  expect(text.replaceAll(/\s+/g, ' ')).toContain('cold starts: what they take was not measured');
  expect(text.replaceAll(/\s+/g, ' ')).toContain('at most 6 GB of memory, and answers at most 200 requests at once');
});

test('warns of prices that are older than a year, and of no others', () => {
  const of = (asOf: string) => ({ ...round, disk: { ...round.disk, asOf } });
  const now = Date.parse('2026-11-28');
  expect(priceWarning(of('2025-12'), now)).toBeUndefined();
  expect(priceWarning(of('2025-11-27'), now)).toBe(
    'Prices of disk are older than a year, the oldest of 2025-11-27. Read them anew: npm run prices',
  );
  expect(priceWarning({ ...of('2024-01'), logs: { ...round.logs, asOf: '2025-09' } }, now)).toContain(
    'Prices of disk, logs are older than a year, the oldest of 2024-01.',
  );
});

test('fits a terminal of 80 columns, and so does its help', async () => {
  let help = '';
  const command = costCommand().exitOverride();
  command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 80 });
  command.outputHelp();
  expect(help).toContain('Examples:');
  const text = await cost('--per-month', '123456789', '--cold-share', '0.07', '--training-seconds', '360000');
  expect(text).toMatch(/ 7 %\s+of\s+them\s+cold/);
  for (const line of `${text}\n${help}`.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('refuses what is no such number', async () => {
  await expect(cost('--cold-share', '2')).rejects.toThrow('--cold-share must be a fraction from 0 to 1, not 2');
  await expect(cost('--per-month', '0')).rejects.toThrow('--per-month must be 1 or more');
  for (const text of ['x', '', '-1', 'Infinity']) {
    await expect(cost('--milliseconds', text)).rejects.toThrow('--milliseconds must be a number, 0 or more, not ');
  }
});
