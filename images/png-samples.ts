import type { PngHeader } from './png-header.ts';

/** Turns the samples of lines into pixels. */
export interface LineWriter {
  /** Writes `width` pixels of an unfiltered line to the image, from byte `start`, `step` bytes apart. */
  readonly write: (line: Uint8Array, width: number, start: number, step: number) => void;
  /** Whether a pixel was not in the palette. Such pixels are black, as the third edition says. */
  readonly isOutsidePalette: boolean;
}

type Write = LineWriter['write'];

/** @param transparency alpha by palette index, or the transparent colour @param pixels the image to write, `[…, 3]` */
export function lineWriter(
  header: PngHeader,
  palette: Uint8Array,
  transparency: Uint8Array,
  pixels: Uint8Array,
): LineWriter {
  const { color, depth } = header;
  if (color.kind === 'palette') return tableWriter(paletteTable(palette, transparency), depth, pixels);
  if (color.kind === 'grey' && depth <= 8) return tableWriter(greyTable(depth, transparency), depth, pixels);
  const isPlain = color.kind === 'rgb' && depth === 8 && transparency.length === 0;
  return { write: isPlain ? rgbWriter(pixels) : sampleWriter(header, transparency, pixels), isOutsidePalette: false };
}

function rgbWriter(pixels: Uint8Array): Write {
  return (line, width, start, step) => {
    if (step === 3) return pixels.set(line, start);
    for (let pixel = 0; pixel < width; pixel++) {
      const to = start + pixel * step;
      pixels[to] = line[pixel * 3]!;
      pixels[to + 1] = line[pixel * 3 + 1]!;
      pixels[to + 2] = line[pixel * 3 + 2]!;
    }
  };
}

/** For samples of 1 to 8 bits that map to one colour each. @param table RGB triples, blended with white */
function tableWriter(table: Uint8Array, depth: number, pixels: Uint8Array): LineWriter {
  const mask = (1 << depth) - 1;
  const colors = new Uint8Array(3 << depth);
  colors.set(table.subarray(0, colors.length));
  let largest = 0;
  return {
    write(line, width, start, step) {
      for (let pixel = 0; pixel < width; pixel++) {
        const bit = pixel * depth;
        const entry = ((line[bit >> 3]! >> (8 - depth - (bit & 7))) & mask) * 3;
        if (entry > largest) largest = entry;
        const to = start + pixel * step;
        pixels[to] = colors[entry]!;
        pixels[to + 1] = colors[entry + 1]!;
        pixels[to + 2] = colors[entry + 2]!;
      }
    },
    get isOutsidePalette() {
      return largest >= table.length;
    },
  };
}

function paletteTable(palette: Uint8Array, alpha: Uint8Array): Uint8Array {
  return palette.map((value, index) => {
    const entry = Math.floor(index / 3);
    return entry < alpha.length ? blendWithWhite(value, alpha[entry]! / 255) : value;
  });
}

function greyTable(depth: number, transparency: Uint8Array): Uint8Array {
  const entries = 1 << depth;
  const transparent = transparency.length === 2 ? (transparency[0]! << 8) | transparency[1]! : -1;
  return Uint8Array.from({ length: entries * 3 }, (_, index) => {
    const value = Math.floor(index / 3);
    return value === transparent ? 255 : Math.round((value * 255) / (entries - 1));
  });
}

/** For 16 bits per sample, an alpha channel, or a transparent colour. */
function sampleWriter(header: PngHeader, transparency: Uint8Array, pixels: Uint8Array): Write {
  const { channels, kind } = header.color;
  const bytes = header.depth >> 3;
  const maximum = bytes === 2 ? 65535 : 255;
  const hasAlpha = kind === 'grey-alpha' || kind === 'rgb-alpha';
  const colors = hasAlpha ? channels - 1 : channels;
  // In the transparent colour each sample has two bytes.
  const transparent = !hasAlpha && transparency.length === colors * 2 ? transparency : undefined;
  const sample = (line: Uint8Array, index: number) =>
    bytes === 2 ? (line[index * 2]! << 8) | line[index * 2 + 1]! : line[index]!;
  const isTransparent = (line: Uint8Array, from: number) => {
    if (!transparent) return false;
    for (let color = 0; color < colors; color++) {
      const value = (transparent[color * 2]! << 8) | transparent[color * 2 + 1]!;
      if (sample(line, from + color) !== value) return false;
    }
    return true;
  };
  return (line, width, start, step) => {
    for (let pixel = 0; pixel < width; pixel++) {
      const from = pixel * channels;
      const to = start + pixel * step;
      const alpha = hasAlpha ? sample(line, from + colors) / maximum : isTransparent(line, from) ? 0 : 1;
      for (let channel = 0; channel < 3; channel++) {
        const value = sample(line, colors === 1 ? from : from + channel);
        pixels[to + channel] = blendWithWhite((value * 255) / maximum, alpha);
      }
    }
  };
}

function blendWithWhite(value: number, alpha: number): number {
  return Math.round(value * alpha + 255 * (1 - alpha));
}
