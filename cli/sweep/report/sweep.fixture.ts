import { makePlan } from '#models/plans/plan.ts';
import type { ShardProgress } from '#models/plans/shards.ts';
import type { SweepOptions } from '#models/plans/sweep-options.ts';
import { type CurvePoint, encodeBits, type SweepResult } from '#models/plans/sweep-result.ts';
import { random } from '#training/random/random.ts';
import type { Sweep, SweepRun } from '#training/record/sweep/read-sweep.ts';

interface SweepFacts {
  /** Settings with their values: a group for each combination. */
  readonly over: Readonly<Record<string, readonly string[]>>;
  readonly seeds: number;
  readonly epochs?: number;
  readonly images?: number;
  /** What became of a run. @default `trained` */
  readonly fate?: (index: number) => Fate;
}

type Fate = 'trained' | 'diverged' | 'failed' | 'running' | 'waiting' | 'kept';

/** A sweep with made-up results: later values of a setting are better, and images differ in difficulty. */
export function exampleSweep({ over, seeds, epochs = 3, images = 1000, fate = () => 'trained' }: SweepFacts): Sweep {
  let groups: { readonly set: string[]; readonly quality: number }[] = [{ set: [], quality: 0 }];
  for (const [name, values] of Object.entries(over)) {
    groups = groups.flatMap(({ set, quality }) =>
      values.map((value, index) => ({
        set: [...set, `${name}=${value}`],
        quality: quality + 0.06 * (index / values.length) * (1.4 - index / values.length),
      })),
    );
  }
  const options: SweepOptions = { keep: 'best:1', over: Object.keys(over) };
  const items = groups.flatMap(({ set }) =>
    Array.from({ length: seeds }, (_, index) => ({
      ...{ name: `${set.join(' ')} seed=${index + 1}`, recipe: 'short', set, seed: index + 1 },
      ...{ data: 'cifar10', from: 'none', group: set.join(' ') || 'short' },
    })),
  );
  const plan = makePlan({ kind: 'sweep', code: 'c'.repeat(64), options, items });
  const runs = plan.items.map((item, index): SweepRun => {
    const { quality } = groups[Math.floor(index / seeds)]!;
    return {
      ...{ item, rung: 1 },
      ...whatBecame(fate(index), { index, shard: item.shard, accuracy: 0.86 + quality, epochs, images }),
    };
  });
  return { id: '0123456789ab', plan, options, runs };
}

interface Made {
  readonly index: number;
  readonly shard: string;
  readonly accuracy: number;
  readonly epochs: number;
  readonly images: number;
}

function whatBecame(fate: Fate, made: Made): Omit<SweepRun, 'item' | 'rung'> {
  const progress: ShardProgress = { shard: made.shard, state: 'done', attempts: fate === 'waiting' ? 0 : 1 };
  if (fate === 'running' || fate === 'waiting') return { progress: { ...progress, state: fate } };
  const at = '2026-11-28T12:00:00.000Z';
  if (fate === 'failed') {
    const message = 'The process was killed (SIGKILL): the memory of 3 GB was not enough for <this>.';
    return { progress: { ...progress, state: 'failed', attempts: 3 }, failure: { at, message } };
  }
  const result = fate === 'diverged' ? diverged(made) : trained(made);
  if (fate !== 'kept') return { progress, result };
  const accuracy = { plain: made.accuracy - 0.002, tta: made.accuracy };
  const version = '20261128-1200-0123abcd';
  return { progress, result, published: { at, version, accuracy, trainingSeconds: 80, steps: 300 } };
}

function trained({ index, accuracy, epochs, images, shard }: Made): SweepResult {
  const [hardness, dice] = [random(7), random(1000 + index)];
  const luck = 0.004 * dice.normal();
  const right = Array.from({ length: images }, () => {
    const ease = hardness.uniform();
    return dice.uniform() < accuracy + luck + (1 - accuracy) * (ease - 0.5) * 1.6;
  });
  const share = right.filter(Boolean).length / images;
  const curve = Array.from({ length: epochs }, (_, at): CurvePoint => {
    const done = (at + 1) / epochs;
    const heldOut = {
      accuracy: share * (1 - 0.35 * Math.exp(-3.5 * done)),
      loss: 0.3 + (1 - share) + 1.2 * Math.exp(-3 * done),
    };
    return { step: 100 * (at + 1), epoch: at + 1, loss: 1 / (at + 1), heldOut, trainingSeconds: 26 * (at + 1) };
  });
  return {
    ...described({ index, epochs, shard }),
    outcome: 'trained',
    heldOut: { images, accuracy: share, loss: 0.3 + (1 - share), right: encodeBits(right) },
    kept: { weights: 'last', step: 100 * epochs, epoch: epochs, sha256: 'a'.repeat(64) },
    curve,
  };
}

function diverged(made: Made): SweepResult {
  const reason = 'The loss was not finite three times in a row; the last good step is 12.';
  return { ...described({ ...made, epochs: 0.12 }), outcome: 'diverged', reason, curve: [] };
}

function described({ index, epochs, shard }: Pick<Made, 'index' | 'epochs' | 'shard'>) {
  const cpu = { cpu: 'AMD EPYC 9R14', cores: 2, memory: 8 * 2 ** 30 };
  return {
    ...{
      at: '2026-11-28T12:00:00.000Z',
      run: `0123456789ab.${shard}`,
      epochs,
      steps: Math.round(100 * epochs),
      recoveries: 0,
    },
    ...{ trainingSeconds: 26 * epochs, wallSeconds: 26 * epochs + 9 + (index % 5), parameters: 590_000 },
    ...{
      engine: 'TensorFlow 2.18 on 2 CPU threads',
      machine: { ...cpu, ...(index % 2 === 0 && { instance: 'c7i.large' }) },
    },
  };
}
