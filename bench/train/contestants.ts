import { join } from 'node:path';
import type { EngineOptions } from '#training/engine/engine.ts';
import { type Contestant, startContestant } from '../contestant.ts';

/** How a contestant is started. */
export interface Entry {
  /** Used until the contestant reports its own name. */
  readonly name: string;
  readonly command: string;
  readonly options: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** A running contestant, or the reason why it did not start. */
export type Starter = { readonly contestant: Contestant } | { readonly name: string; readonly failure: string };

const folder = import.meta.dirname;

/** @param settings how the engine computes, beside the case's own */
export function ourEntry(
  settingFile: string,
  precision: 'float32' | 'bfloat16',
  settings: Pick<EngineOptions, 'filterGradient' | 'convolutions'> = {},
): Entry {
  const changes = Object.entries(settings).map(([name, value]) => `, ${name}=${value}`);
  const name = `ours, ${precision}${changes.join('')}`;
  return program('ours.ts', name, [settingFile, JSON.stringify({ precision, ...settings }), name]);
}

/**
 * @param hasKeras whether Keras `fit` takes part: its contestant does not support every kind of layer
 * @param hasAutocast whether PyTorch takes part in bfloat16, which takes 13 times as long where the processor does not multiply it
 */
export function peerEntries(
  python: string,
  settingFile: string,
  { hasKeras, hasAutocast }: { readonly hasKeras: boolean; readonly hasAutocast: boolean },
): Entry[] {
  const modes = [
    ['PyTorch, channels_last', 'pytorch-eager'],
    ['PyTorch, torch.compile', 'pytorch-compiled'],
    ...(hasAutocast
      ? ([
          ['PyTorch, autocast bfloat16', 'pytorch-autocast'],
          ['PyTorch, torch.compile, autocast bfloat16', 'pytorch-compiled-autocast'],
        ] as const)
      : []),
    ...(hasKeras ? [['Keras fit', 'keras'] as const] : []),
  ] as const;
  return modes.map(([name, mode]) => peer(python, name, [mode, settingFile]));
}

/** Matrix products by TensorFlow and by PyTorch: the faster one is the peak. */
export function gemmEntries(python: string, precision: 'float32' | 'bfloat16'): Entry[] {
  return [
    program('gemm.ts', `TensorFlow, ${precision}`, [precision]),
    peer(python, `PyTorch, ${precision}`, ['gemm', precision]),
  ];
}

/** Starts the contestants one after the other: each compiles and takes its first steps while nothing else runs. */
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
  return {
    name,
    command: process.execPath,
    options: ['--import', './setup/typescript.mjs', join(folder, file), ...options],
  };
}

function peer(python: string, name: string, options: readonly string[]): Entry {
  return { name, command: python, options: ['-B', join(folder, 'peers'), ...options] };
}

function lastLine(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error)
    .trim()
    .split('\n');
  return lines.findLast((line) => line.trim() !== '')?.trim() ?? 'it ended without an error message';
}
