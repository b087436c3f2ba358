import { expect, test } from 'vitest';
import { assemble, relaxedMultiplyAdd, separateMultiplyAdd } from './assembler.ts';
import { kernelSources } from './kernels.ts';
import { type Call, startMachine } from './runtime.ts';

/** erf by its series and, further out, its continued fraction, in double precision. */
function erf(x: number): number {
  if (Math.abs(x) > 3) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (Math.abs(x) + fraction);
    return Math.sign(x) * (1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * (Math.abs(x) + fraction)));
  }
  let [term, sum] = [x, x];
  for (let k = 1; k < 80; k++) {
    term *= (-x * x) / k;
    sum += term / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

test.each([
  { kernel: 'relu', exact: (x: number) => Math.max(0, x) },
  { kernel: 'gelu', exact: (x: number) => (x / 2) * (1 + erf(x / Math.SQRT2)) },
  { kernel: 'silu', exact: (x: number) => x / (1 + Math.exp(-x)) },
  { kernel: 'elu', exact: (x: number) => (x > 0 ? x : Math.expm1(x)) },
] as const)('$kernel is exact to a few units of the last digit, and gives 0 for 0', async ({ kernel, exact }) => {
  const { memory, prepare } = await startMachine(1 << 20);
  const values = new Float32Array(memory.buffer, 64, 40_004);
  for (let index = 0; index <= 40_000; index++) values[index] = (index - 20_000) / 1000;
  values.set([-1000, 1000, -88.5, 1e-30], 40_000);
  const inputs = values.slice();
  prepare([{ kernel, address: 64, vectors: 40_004 / 4 } as Call])();
  inputs.forEach((x, index) => {
    expect(Math.abs(values[index]! - exact(x)), `${kernel}(${x})`).toBeLessThanOrEqual(4e-7 * Math.max(1, Math.abs(x)));
  });
  expect(values[20_000]).toBe(0);
});

test('products and sums in one instruction or in two are the same program', () => {
  const size = (module: Uint8Array) => module.length;
  const fused = assemble(Object.values(kernelSources(relaxedMultiplyAdd)));
  const separate = assemble(Object.values(kernelSources(separateMultiplyAdd)));
  expect(size(fused)).toBeLessThan(size(separate) + 500);
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } };
  expect(WebAssembly.validate(separate)).toBe(true);
});
