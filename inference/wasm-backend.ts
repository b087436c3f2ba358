import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { getBackend, setBackend } from '@tensorflow/tfjs-core';

/** What Node takes: it knows SIMD, and does not share memory between threads of WebAssembly. */
const BINARY = 'tfjs-backend-wasm-simd.wasm';

let starting: Promise<void> | undefined;

/** Loads WebAssembly, once a process (some 30 ms), and leaves TensorFlow.js on the backend that it had. */
export function startWasm(): Promise<void> {
  starting ??= start();
  return starting;
}

async function start(): Promise<void> {
  const before = backendName();
  setWasmPaths(`${binaryFolder()}/`);
  if (!(await setBackend('wasm'))) throw new Error('TensorFlow.js cannot start its WebAssembly backend.');
  if (before !== undefined) await setBackend(before);
}

/** Runs `work` on WebAssembly, once it is started, whatever the rest of the process computes on. */
export function onWasm<Result>(work: () => Result): Result {
  const before = backendName();
  if (before === 'wasm') return work();
  void setBackend('wasm'); // In spite of its promise this is done when it returns, for a backend that has been started.
  try {
    return work();
  } finally {
    if (before !== undefined) void setBackend(before);
  }
}

/** `undefined` while none has been set: asking for more would start one. */
function backendName(): string | undefined {
  return (getBackend() as string | null | undefined) ?? undefined;
}

/** Beside this file where it is bundled, else in the package. */
function binaryFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  if (existsSync(join(here, BINARY))) return here;
  return dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
}
