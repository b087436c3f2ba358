import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleSweep } from '#cli/sweep/report/sweep.fixture.ts';
import { newAttempt, writeFailure } from '#models/plans/attempts.ts';
import { createPlan } from '#models/plans/plan.ts';
import { writeResult } from '#models/plans/results.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { readSweep } from '../record/sweep/read-sweep.ts';
import { compareSweepGroups, describeGroups } from './compare-groups.ts';

const example = exampleSweep({
  over: { learningRate: ['0.2', '0.4'], optimizer: ['sgd', 'muon'] },
  seeds: 3,
  fate: (index) => (index === 0 ? 'failed' : 'trained'),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sweep-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a sweep is read from the store as it was written', async () => {
  const store = folderStore(folder);
  const { id } = await createPlan(store, example.plan);
  const attempt = newAttempt({ submission: '0001', child: 0 });
  for (const { item, result, failure } of example.runs) {
    const facts = { at: new Date().toISOString(), attempt, seconds: 1 };
    if (result) await writeResult(store, id, item.shard, { ...facts, result });
    if (failure) await writeFailure(store, id, item.shard, attempt, failure);
  }
  const sweep = await readSweep(store, id);
  expect(sweep.runs.map(({ result }) => result)).toEqual(example.runs.map(({ result }) => result));
  expect(sweep.runs[0]!.failure).toMatchObject(example.runs[0]!.failure!);
  expect(sweep.runs[0]!.progress.state).toBe('failed');
  const compared = compareSweepGroups(sweep, 'learningRate=0.4 optimizer=sgd', 'learningRate=0.4 optimizer=muon');
  expect(compared).toEqual({
    ...compareSweepGroups(example, 'learningRate=0.4,optimizer=sgd', 'learningRate=0.4 optimizer=muon'),
    sweep: id,
  });
});

test('two groups are compared by the seeds that both have, and chance is told from progress', () => {
  const compared = compareSweepGroups(example, 'optimizer=sgd learningRate=0.2', 'learningRate=0.4 optimizer=muon');
  expect(compared.seeds).toEqual([2, 3]);
  expect(compared.difference).toBeGreaterThan(0);
  const text = describeGroups(compared);
  expect(text).toContain('by the seeds 2, 3 of both');
  expect(text).toMatch(/difference \+\d\.\d\d points, 95 %: .* \(over seeds and images\); p = /);
  expect(compared.verdict).toMatch(compared.pValue < 0.05 ? /^Chance does not explain/ : /^Chance explains/);
});

test('a group that is none, or not one, is named with those that are', () => {
  expect(() => compareSweepGroups(example, 'optimizer=adam', 'optimizer=sgd')).toThrow(
    /no group "optimizer=adam"[\s\S]*learningRate=0\.2/,
  );
  expect(() => compareSweepGroups(example, 'optimizer=sgd', 'optimizer=muon')).toThrow(/"optimizer=sgd" fits 2 groups/);
});
