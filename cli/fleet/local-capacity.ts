import { availableParallelism } from 'node:os';
import type { PlanKind } from '#models/plans/plan.ts';

/** What a child needs of this machine. */
interface Needs {
  /** Cores that it computes with. @default all: its own threads use them */
  readonly cores?: number;
  /** Bytes. */
  readonly memory: number;
}

/** Cores of a training child, as many as an instance of the CPU queue has: the number of threads decides the last bits of sums. */
export const TRAINING_CORES = 2;

const needs: Readonly<Record<PlanKind, Needs>> = {
  sweep: { cores: TRAINING_CORES, memory: 3e9 },
  classify: { memory: 1e9 },
};

/** What this machine, or the container that this process is in, has. */
export interface Capacity {
  readonly cores: number;
  /** Bytes that are free. */
  readonly memory: number;
}

/** How many children of a plan this machine can run at once: one at least. */
export function childrenHere(kind: PlanKind, { cores, memory }: Capacity = capacityHere()): number {
  const each = needs[kind];
  const byCores = each.cores === undefined ? 1 : Math.floor(cores / each.cores);
  return Math.max(1, Math.min(byCores, Math.floor(memory / each.memory)));
}

function capacityHere(): Capacity {
  return { cores: availableParallelism(), memory: process.availableMemory() };
}
