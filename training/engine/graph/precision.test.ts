import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fastestPrecision, isBfloat16Coarse, isBfloat16Faster } from './precision.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'precision-'));
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** Installs a driver program that prints this, a line for each GPU. */
async function withGpus(printed: string): Promise<void> {
  const program = join(folder, 'nvidia-smi');
  await writeFile(program, `#!/bin/sh\n[ "$1" = --query-gpu=compute_cap ] && printf '${printed}'\n`);
  await chmod(program, 0o755);
}

test.each([
  ['P100', '6.0\\n', 'float32'],
  ['V100, of p3', '7.0\\n', 'float16'],
  ['T4, of g4dn', '7.5\\n', 'float16'],
  ['A10G, of g5', '8.6\\n', 'bfloat16'],
  ['L4, of g6', '8.9\\n', 'bfloat16'],
  ['H100', '9.0\\n9.0\\n', 'bfloat16'],
  ['B200', '10.0\\n', 'bfloat16'],
  ['one whose driver reports nothing', '[N/A]\\n', 'float32'],
])('a GPU trains in what its tensor cores take: %s', async (_, capability, precision) => {
  await withGpus(capability);
  expect(fastestPrecision({ device: 'GPU' })).toBe(precision);
});

test.each([
  ['AMD, Zen 4', 'AuthenticAMD', 'fma avx512f avx512_bf16 avx512_vnni', true],
  ['AMD, Zen 3', 'AuthenticAMD', 'fma avx2', false],
  ['Intel with AMX', 'GenuineIntel', 'avx512f avx512_bf16 amx_bf16 amx_tile', true],
  ['Intel whose AMX is hidden', 'GenuineIntel', 'avx512f avx512_bf16 avx512_fp16', false],
  ['Intel before', 'GenuineIntel', 'avx512f avx512_vnni', false],
])('a processor trains in bfloat16 where that is faster: %s', (_, vendor, flags, isFaster) => {
  const description = `processor\t: 0\nvendor_id\t: ${vendor}\nmodel name\t: any\nflags\t\t: fpu ${flags} clflush\nbugs\t\t: none\n`;
  expect(isBfloat16Faster(description)).toBe(isFaster);
});

test.each([
  ['AMD, Zen 3', 'flags', 'fma avx2', true],
  ['Intel with AVX-512', 'flags', 'avx2 avx512f avx512_vnni', false],
  ['Intel without AVX-512, but its successor', 'flags', 'avx2 avx_vnni avx_ne_convert', false],
  ['Arm', 'Features', 'fp asimd bf16', false],
])('bfloat16 is coarse where oneDNN cannot multiply it: %s', (_, key, flags, isCoarse) => {
  expect(isBfloat16Coarse(`processor\t: 0\n${key}\t\t: ${flags} crc32\n`)).toBe(isCoarse);
});

test('a machine that does not describe its processors trains in float32', () => {
  expect(isBfloat16Faster('')).toBe(false);
});
