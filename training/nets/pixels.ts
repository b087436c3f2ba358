import type { Net } from './net.ts';

/**
 * The normalized value of each byte in each channel.
 *
 * @returns `[256, C]`: `(byte / 255 - mean) / deviation`
 */
export function pixelTable(net: Net): Float32Array {
  const [first] = net.layers;
  if (first?.kind !== 'normalization') throw new TypeError(`Net ${net.name} does not begin with a normalization.`);
  const channels = net.input[2];
  const table = new Float32Array(256 * channels);
  for (let byte = 0; byte < 256; byte++) {
    for (let channel = 0; channel < channels; channel++) {
      table[byte * channels + channel] = (byte / 255 - first.mean[channel]!) / first.deviation[channel]!;
    }
  }
  return table;
}
