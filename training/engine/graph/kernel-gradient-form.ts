import type { ConvolutionShape, KernelGradientForm } from './operations/sliding.ts';

/** Channels from which on a product is large enough, and pixels across up to which the operation is slow. */
const CHANNELS = 256;
const SIDE = 8;

/**
 * The faster form of a kernel's gradient, by its shape and the processor alone: a measurement would choose otherwise the next time,
 * and the weights with it. Products win in bfloat16, with many channels and small feature maps, on processors that multiply it
 * by vector instructions; not on Zen 4 (family 25). With a matrix unit (AMX) they have not been measured.
 *
 * @param description of the processors, as in `/proc/cpuinfo`
 * @see docs/decisions/filter-gradient.md
 */
export function fasterKernelGradient(description: string): (shape: ConvolutionShape) => KernelGradientForm {
  const hasFlag = (name: string) => new RegExp(`^flags\\s*:.*\\b${name}\\b`, 'm').test(description);
  const isZen4 = /^vendor_id\s*:\s*AuthenticAMD$/m.test(description) && /^cpu family\s*:\s*25$/m.test(description);
  const isMeasured = hasFlag('avx512_bf16') && !hasFlag('amx_bf16') && !isZen4;
  return ({ type, images: [height, width], kernel: [rows, , channels, filters], stride }) => {
    const isSmall = Math.max(height, width) <= SIDE && Math.min(channels, filters) >= CHANNELS;
    return isMeasured && type === 'bfloat16' && isSmall && rows > 1 && stride === 1 ? 'products' : 'convolution';
  };
}
