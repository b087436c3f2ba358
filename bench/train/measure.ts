import { type Usage, usageOf } from '../process-usage.ts';
import { median } from '../statistics.ts';
import type { Starter } from './contestants.ts';

/** What the rounds of one contestant came to. */
export interface Measured {
  readonly name: string;
  readonly version: string;
  /** Of each round. */
  readonly speeds: readonly number[];
  readonly speed: number;
  /** Over all rounds. */
  readonly wallSeconds: number;
  /** Of all its threads in that time; undefined where the system does not tell. */
  readonly cpuSeconds: number | undefined;
  /** In bytes, from its start on. */
  readonly peakMemory: number | undefined;
}

export type Outcome = Measured | { readonly name: string; readonly failure: string };

export function isMeasured(outcome: Outcome): outcome is Measured {
  return 'speed' in outcome;
}

interface Answer {
  readonly seconds: number;
  /** Of matrix products: how many there were, if not as many as were asked for. */
  readonly products?: number;
}

interface Turn {
  readonly starter: Starter;
  /** So many of what it does take about as long as a round should. */
  times: number;
  readonly rounds: { readonly speed: number; readonly seconds: number; readonly cpuSeconds: number }[];
}

/**
 * Measures contestants that take turns, so that whatever else the machine does befalls all of them. A first round, which
 * does not count, finds how much fills the time.
 *
 * @param options.seconds of one contestant in one round
 * @param options.most of what is measured, in a round
 * @param options.unit what one of it is, such as 512 images
 */
export async function measureInTurns(
  starters: readonly Starter[],
  options: {
    readonly rounds: number;
    readonly seconds: number;
    readonly log: (line: string) => void;
    readonly amountOf: (starter: Starter) => { readonly most: number; readonly unit: number; readonly label: string };
  },
): Promise<Outcome[]> {
  const { rounds, seconds, log, amountOf } = options;
  const turns: Turn[] = starters.map((starter) => ({ starter, times: 1, rounds: [] }));
  for (let round = 0; round <= rounds; round++) {
    const began = performance.now();
    for (const turn of turns) {
      if (!('contestant' in turn.starter)) continue;
      const { contestant } = turn.starter;
      const { most, unit, label } = amountOf(turn.starter);
      const before = usageOf(contestant.pid);
      const { seconds: taken, products = turn.times } = await contestant.measure<Answer>(turn.times);
      const speed = (products * unit) / taken;
      if (round === 0) {
        turn.times = Math.max(1, Math.min(most, Math.round((seconds / taken) * products)));
        continue;
      }
      const cpuSeconds = cpuBetween(before, usageOf(contestant.pid));
      turn.rounds.push({ speed, seconds: taken, cpuSeconds });
      log(`  round ${round}/${rounds}  ${contestant.name.padEnd(28)} ${speed.toFixed(0).padStart(6)} ${label}`);
    }
    log(
      `  round ${round}/${rounds} took ${((performance.now() - began) / 1000).toFixed(1)} s${round === 0 ? ', to warm up' : ''}`,
    );
  }
  return turns.map(outcomeOf);
}

function outcomeOf({ starter, rounds }: Turn): Outcome {
  if (!('contestant' in starter)) return starter;
  const { name, version, pid } = starter.contestant;
  const speeds = rounds.map(({ speed }) => speed);
  const total = (of: 'seconds' | 'cpuSeconds') => rounds.reduce((sum, round) => sum + round[of], 0);
  const cpuSeconds = total('cpuSeconds');
  return {
    name,
    version,
    speeds,
    speed: median(speeds),
    wallSeconds: total('seconds'),
    cpuSeconds: Number.isNaN(cpuSeconds) ? undefined : cpuSeconds,
    peakMemory: usageOf(pid)?.peakMemory,
  };
}

function cpuBetween(before: Usage | undefined, after: Usage | undefined): number {
  return before === undefined || after === undefined ? Number.NaN : after.cpuSeconds - before.cpuSeconds;
}
