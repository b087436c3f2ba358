import { median } from '#environment/median.ts';
import { type Usage, usageOf } from '../process-usage.ts';
import type { Starter } from './contestants.ts';

/** The measurement of one contestant over all rounds. */
export interface Measurement {
  readonly name: string;
  readonly version: string;
  /** Speed in each round, in units per second. */
  readonly speeds: readonly number[];
  /** The median of `speeds`. */
  readonly speed: number;
  /** Total over all rounds. */
  readonly wallSeconds: number;
  /** CPU time of all threads in that time; undefined if the system does not report it. */
  readonly cpuSeconds: number | undefined;
  /** In bytes, since the start of the process. */
  readonly peakMemory: number | undefined;
}

export type Outcome = Measurement | { readonly name: string; readonly failure: string };

export function isMeasured(outcome: Outcome): outcome is Measurement {
  return 'speed' in outcome;
}

interface Answer {
  readonly seconds: number;
  /** Number of matrix products, if it differs from the requested number. */
  readonly products?: number;
}

interface Turn {
  readonly starter: Starter;
  /** Number of repetitions that take about as long as a round should. */
  times: number;
  readonly rounds: { readonly speed: number; readonly seconds: number; readonly cpuSeconds: number }[];
}

/**
 * Measures contestants in turn, so that other load on the machine affects all of them equally. The first round is a warm-up:
 * it determines how many repetitions fill the time.
 *
 * @param options.seconds measured time of one contestant in one round
 * @param options.amountOf for a contestant: the maximum number of repetitions in a round, the amount of work in one
 *   repetition (such as 512 images), and the label of the speed
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
      `  round ${round}/${rounds} took ${((performance.now() - began) / 1000).toFixed(1)} s${round === 0 ? ' (warm-up)' : ''}`,
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
