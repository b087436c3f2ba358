import '@tensorflow/tfjs'; // Registers the gradients: the core package, imported alone in Node, has none.
import { env, getBackend, setBackend, version_core } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { registerTrainingKernels } from './kernels.ts';

/**
 * Loads WebAssembly and the kernels that training needs.
 *
 * @returns what runs, for the record: `TensorFlow.js 4.22.0, WebAssembly, SIMD`
 */
export async function startWasm(): Promise<string> {
  const before = backendName();
  await setBackend('wasm');
  registerTrainingKernels();
  const simd = (await env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? ', SIMD' : '';
  if (before !== undefined) await setBackend(before);
  return `TensorFlow.js ${version_core}, WebAssembly${simd}`;
}

/** Runs `work` on WebAssembly, whatever backend the rest of the process has set. */
export function onWasm<T>(work: () => T): T {
  const before = backendName();
  if (before === 'wasm') return work();
  // Synchronous for a backend that has been started, in spite of its promise.
  void setBackend('wasm');
  try {
    return work();
  } finally {
    if (before !== undefined) void setBackend(before);
  }
}

/** TensorFlow.js's backend in this process; `undefined` while none is set (asking would start one). */
function backendName(): string | undefined {
  return (getBackend() as string | null | undefined) ?? undefined;
}
