import { expect, test } from 'vitest';
import { LoopbackCloud } from '../stack/loopback-cloud.fixture.ts';
import { gpuAdvice } from './gpu-advice.ts';

test.each([
  [
    {},
    /may start no GPU instance in eu-west-1.*quotas\/L-DB2E81BA\?region=eu-west-1.*Until then "\.\/cifar10 submit --target aws" uses the CPU queue/s,
  ],
  [{ 'L-3819A6DF': 8 }, /on Spot only \(quota on demand: 0 vCPUs/],
  [{ 'L-DB2E81BA': 8 }, /on demand only \(Spot quota: 0 vCPUs/],
])('quotas %o: what to do', async (quotas, advice) => {
  await using cloud = new LoopbackCloud();
  cloud.quotas = quotas;
  expect(await gpuAdvice(await cloud.open())).toEqual({ warning: expect.stringMatching(advice) });
});

test('the quotas themselves, where both allow a job', async () => {
  await using cloud = new LoopbackCloud();
  cloud.quotas = { 'L-DB2E81BA': 8, 'L-3819A6DF': 4 };
  expect(await gpuAdvice(await cloud.open())).toBe('8 vCPUs on demand, 4 on Spot');
});
