import { join } from 'node:path';
import { type Contestant, startContestant } from '../contestant.ts';

/** How a contestant is started. */
export interface Entry {
  /** Until it says its own. */
  readonly name: string;
  readonly command: string;
  readonly options: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** One that runs, or why it does not. */
export type Starter = { readonly contestant: Contestant } | { readonly name: string; readonly failure: string };

const here = import.meta.dirname;

export function ourEntry(settingFile: string, precision: 'float32' | 'bfloat16'): Entry {
  return program('ours.ts', `ours, ${precision}`, [settingFile, precision]);
}

/** @param hasKeras whether Keras has all that the net is made of */
export function peerEntries(python: string, settingFile: string, hasKeras: boolean): Entry[] {
  const ways = [
    ['PyTorch, channels_last', 'pytorch-eager'],
    ['PyTorch, autocast bfloat16', 'pytorch-autocast'],
    ['PyTorch, torch.compile', 'pytorch-compiled'],
    ...(hasKeras ? [['Keras fit', 'keras'] as const] : []),
  ] as const;
  return ways.map(([name, way]) => peer(python, name, [way, settingFile]));
}

/** Matrix products by TensorFlow and by PyTorch: the quicker one is the peak. */
export function gemmEntries(python: string, precision: 'float32' | 'bfloat16'): Entry[] {
  return [
    program('gemm.ts', `TensorFlow, ${precision}`, [precision]),
    peer(python, `PyTorch, ${precision}`, ['gemm', precision]),
  ];
}

/** Starts them one after the other: each takes its first steps, or compiles, while nothing else runs. */
export async function startAll(entries: readonly Entry[], log: (line: string) => void): Promise<Starter[]> {
  const started: Starter[] = [];
  for (const { name, command, options, environment } of entries) {
    const began = performance.now();
    try {
      started.push({ contestant: await startContestant(command, options, environment) });
    } catch (error) {
      started.push({ name, failure: lastLine(error) });
    }
    log(`  started ${name.padEnd(28)} ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  return started;
}

function program(file: string, name: string, options: readonly string[]): Entry {
  return { name, command: process.execPath, options: ['--import', 'tsx', join(here, file), ...options] };
}

function peer(python: string, name: string, options: readonly string[]): Entry {
  return { name, command: python, options: ['-B', join(here, 'peers'), ...options] };
}

function lastLine(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error)
    .trim()
    .split('\n');
  return lines.findLast((line) => line.trim() !== '')?.trim() ?? 'it ended without a word';
}
