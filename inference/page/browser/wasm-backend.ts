import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import simd from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm';
import { setBackend } from '@tensorflow/tfjs-core';

/**
 * In a browser this takes the place of `inference/wasm-backend.ts` (package.json, "browser"): the classifier itself is the
 * same program as the endpoint's.
 */
export async function startWasm(): Promise<void> {
  const binary = new URL(simd, import.meta.url).href;
  // Every browser of the last years has SIMD; threads would need a page that is isolated from all others.
  setWasmPaths({
    'tfjs-backend-wasm.wasm': binary,
    'tfjs-backend-wasm-simd.wasm': binary,
    'tfjs-backend-wasm-threaded-simd.wasm': binary,
  });
  if (!(await setBackend('wasm'))) throw new Error('This browser cannot run WebAssembly with SIMD.');
}

/** There is no other backend here. */
export function onWasm<Result>(work: () => Result): Result {
  return work();
}
