import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Precision } from '../../recipe/precision.ts';
import type { EngineOptions } from '../engine.ts';
import type { TensorFlow } from '../tensorflow.ts';

/** `auto` becomes the faster one on this machine. @default 'float32' */
export function precisionOf({ precision = 'float32' }: Pick<EngineOptions, 'precision'>, on: TensorFlow): Precision {
  return precision === 'auto' ? fastestPrecision(on) : precision;
}

/**
 * bfloat16 where its products are faster than those of float32: on x86 processors that multiply it faster, and on NVIDIA GPUs
 * from Ampere on (compute capability 8). It has the range of float32, so that nothing has to be scaled, and 8
 * bits of its digits. The tensor cores of Volta and Turing (from 7), such as those of a g4dn instance, take float16 alone.
 */
export function fastestPrecision({ device }: Pick<TensorFlow, 'device'>): Precision {
  if (device === 'CPU') return isBfloat16Faster(processors()) ? 'bfloat16' : 'float32';
  const capability = computeCapability();
  if (capability >= 8) return 'bfloat16';
  return capability >= 7 ? 'float16' : 'float32';
}

/**
 * On AMD's processors the vector instructions for bfloat16 are enough. On Intel's they take as long as those for float32, and
 * shortening the numbers comes on top: there only the matrix unit (AMX), which a virtual machine may hide, is faster.
 *
 * @param description of the processors, as in `/proc/cpuinfo`
 */
export function isBfloat16Faster(description: string): boolean {
  const isAmd = /^vendor_id\s*:\s*AuthenticAMD$/m.test(description);
  return /^flags\s*:.*\bamx_bf16\b/m.test(description) || (isAmd && /^flags\s*:.*\bavx512_bf16\b/m.test(description));
}

/**
 * Whether TensorFlow lacks oneDNN's products of bfloat16 on an x86 processor: they take AVX-512 or AVX-NE-CONVERT. Its own kernels, which
 * it takes instead, round every sum, and gradients are off by a fifth to three quarters (measured on an AMD EPYC of Zen 3).
 *
 * @param description of the processors, as in `/proc/cpuinfo`
 * @see https://github.com/tensorflow/tensorflow/blob/v2.21.0/tensorflow/core/util/util.cc IsDataTypeSupportedByOneDNNOnThisCPU
 */
export function isBfloat16Coarse(description: string): boolean {
  return /^flags\s*:(?!.*\b(avx512f|avx_ne_convert)\b)/m.test(description);
}

/** Their description; empty where the system gives none. */
export function processors(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return ''; // not Linux
  }
}

/** Compute capability of the first GPU, such as 8.6; 0 if it is unknown. */
function computeCapability(): number {
  try {
    const printed = execFileSync('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number.parseFloat(printed) || 0;
  } catch {
    return 0;
  }
}
