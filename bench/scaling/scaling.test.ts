import { describe, expect, it } from 'vitest';
import { bulkCost, spotCost, vcpusAtStoreRate } from './classification.ts';
import { assumed, documented, instanceStart, type Measured } from './constants.ts';
import { distributedMap, spark } from './engines.ts';
import { sweepCost } from './sweep.ts';

/** Round figures, so that results can be computed by head. */
const measured: Measured = {
  ...{ get: 0.2e-3, listPage: 0.05, listedBytes: 100, rowBytes: 200, childStart: 1 },
  itemBytes: { classify: 200, sweep: 250 },
};
/** With the reading, a millisecond of a core that is busy for eight tenths of its time. */
const small = { name: 'small', bytes: 2000, seconds: 0.6e-3 };
const large = { name: 'large', bytes: 1e6, seconds: 0.0998 };

describe('a classification', () => {
  it('lists page by page, and works on whole shards', () => {
    const cost = bulkCost({ pictures: 1e6, kind: large, vcpus: 64 }, measured);

    expect(cost).toMatchObject({ shards: Math.ceil(1e6 / 536), children: 32, bound: 'cores' });
    expect(cost.list).toBeCloseTo(1000 * 0.2);
    expect(cost.work).toBeCloseTo(59 * 536 * (0.125 / 2)); // 1,866 shards: the busiest child has 59.
    expect(cost.start).toBeCloseTo(instanceStart('cpu') + 1);
    expect(cost.seconds).toBeCloseTo(cost.list + cost.plan + cost.start + cost.work + cost.merge);
  });

  it('is bound by S3 where many cores read small pictures, and more of them cost more for nothing', () => {
    const [few, many] = [16, 512].map((vcpus) => bulkCost({ pictures: 1e7, kind: small, vcpus }, measured));

    expect([few?.bound, many?.bound]).toEqual(['S3', 'S3']);
    expect(many?.work).toBe(few?.work);
    expect(many?.work).toBeCloseTo(1e7 / documented.getsPerSecond);
    expect(many!.dollars.machines).toBeGreaterThan(20 * few!.dollars.machines);
    expect(vcpusAtStoreRate({ ...small, seconds: 7.8e-3 }, measured)).toBe(55); // ten times as long a picture
    expect(bulkCost({ pictures: 1e7, kind: small, vcpus: 512, prefixes: 10 }, measured).work).toBeCloseTo(
      many!.work / 10,
    );
  });

  it('never has more children than shards', () => {
    expect(bulkCost({ pictures: 12_000, kind: small, vcpus: 512 }, measured)).toMatchObject({ shards: 3, children: 3 });
    expect(bulkCost({ pictures: 1, kind: small, vcpus: 512 }, measured)).toMatchObject({ shards: 1, children: 1 });
  });

  it('pays for each picture’s request and for each machine’s start', () => {
    const { dollars } = bulkCost({ pictures: 1e6, kind: small, vcpus: 8 }, measured);
    expect(dollars.requests).toBeGreaterThan(0.4);
    expect(dollars.requests).toBeLessThan(0.42);
    expect(spotCost(10, 0)).toBe(10 * assumed.spotShare);
    expect(spotCost(10, 3600)).toBeCloseTo(10 * assumed.spotShare * 1.05);
  });

  it('starts no more instances at once than EC2 does', () => {
    const start = (vcpus: number) => bulkCost({ pictures: 1e9, kind: large, vcpus }, measured).start;
    expect(start(2000)).toBe(start(8));
    expect(start(4000) - start(8)).toBe(500);
  });
});

describe('other engines', () => {
  it('Distributed Map starts at once, and costs more than machines do', () => {
    const [map, ours] = [
      distributedMap(1e5, large, measured),
      bulkCost({ pictures: 1e5, kind: large, vcpus: 512 }, measured),
    ];
    expect(map.seconds).toBeLessThan(ours.start + ours.work);
    const [mapAtScale, oursAtScale] = [
      distributedMap(1e8, large, measured),
      bulkCost({ pictures: 1e8, kind: large, vcpus: 512 }, measured),
    ];
    expect(mapAtScale.dollars).toBeGreaterThan(oursAtScale.dollars.spot + oursAtScale.dollars.requests);
  });

  it('Spark on packed pictures asks S3 for few objects', () => {
    expect(spark(1e8, small, 512).dollars).toBeLessThan(1e8 * 0.4e-6);
  });
});

describe('a sweep', () => {
  it('runs in rounds of as many children as there are machines', () => {
    const cost = sweepCost({ runs: 100, runSeconds: 100, vcpus: 64 }, measured);
    expect(cost).toMatchObject({ children: 32, arrays: 1, work: 400, planBytes: 25_000 });
    expect(sweepCost({ runs: 10_001, runSeconds: 100, vcpus: 64 }, measured).arrays).toBe(2);
    expect(sweepCost({ runs: 10, runSeconds: 100, vcpus: 512 }, measured)).toMatchObject({ children: 10, work: 100 });
  });
});
