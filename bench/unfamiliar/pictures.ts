import { random } from '#training/random/random.ts';

export interface Pictures {
  readonly name: string;
  /** `[N, height, width, channels]` uint8 */
  readonly images: Uint8Array;
}

interface Size {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

type Pixel = (x: number, y: number, channel: number) => number;

/** Noise and plain pictures of several kinds, the same ones every time. */
export function drawings({ height, width, channels }: Size, count: number): Pictures[] {
  const draw = random(1);
  const colour = () => Array.from({ length: channels }, () => 255 * draw.uniform());
  const kinds: Readonly<Record<string, () => Pixel>> = {
    'uniform noise': () => () => draw.integer(256),
    'Gaussian noise': () => () => 128 + 64 * draw.normal(),
    'Gaussian noise around a colour': () => {
      const [middle, deviation] = [colour(), 20 + 60 * draw.uniform()];
      return (_x, _y, channel) => middle[channel]! + deviation * draw.normal();
    },
    'grey noise': () => {
      const grey = Array.from({ length: height * width }, () => draw.integer(256));
      return (x, y) => grey[y * width + x]!;
    },
    'one colour': () => {
      const only = colour();
      return (_x, _y, channel) => only[channel]!;
    },
    'a gradient': () => {
      const [from, to, angle] = [colour(), colour(), 2 * Math.PI * draw.uniform()];
      const length = Math.hypot(height, width);
      return (x, y, channel) => {
        const along = (x - width / 2) * Math.cos(angle) + (y - height / 2) * Math.sin(angle);
        return from[channel]! + (to[channel]! - from[channel]!) * (along / length + 0.5);
      };
    },
    'two halves': () => {
      const [one, other] = [colour(), colour()];
      const [isAcross, at] = [draw.uniform() < 0.5, 0.25 + 0.5 * draw.uniform()];
      return (x, y, channel) => ((isAcross ? x / width : y / height) < at ? one : other)[channel]!;
    },
    'a chessboard': () => {
      const [one, other, side] = [colour(), colour(), 1 + draw.integer(8)];
      return (x, y, channel) => ((Math.floor(x / side) + Math.floor(y / side)) % 2 === 0 ? one : other)[channel]!;
    },
  };
  return Object.entries(kinds).map(([name, make]) => {
    const images = new Uint8ClampedArray(count * height * width * channels);
    let at = 0;
    for (let image = 0; image < count; image++) {
      const pixel = make();
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          for (let channel = 0; channel < channels; channel++) images[at++] = pixel(x, y, channel);
        }
      }
    }
    return { name, images: new Uint8Array(images.buffer) };
  });
}

/** The same pictures as another camera would have taken them. */
export function shifted(images: Uint8Array, { height, width, channels }: Size): Pictures[] {
  const size = height * width * channels;
  const changed = (name: string, change: (value: number, at: number) => number): Pictures => ({
    name: `its own, ${name}`,
    images: new Uint8Array(Uint8ClampedArray.from(images, change).buffer),
  });
  const mean = (at: number) => {
    const from = at - (at % channels);
    return images.subarray(from, from + channels).reduce((sum, value) => sum + value, 0) / channels;
  };
  const across = (at: number, step: number) => {
    const inside = (at % size) + step;
    return inside < 0 || inside >= size ? images[at]! : images[at + step]!;
  };
  return [
    changed('grey', (_, at) => mean(at)),
    changed('darker', (value) => 0.6 * value),
    changed('paler', (value) => 128 + 0.6 * (value - 128)),
    changed('warmer', (value, at) => value * (1.1 - 0.15 * (at % channels))),
    changed('blurred', (value, at) => {
      const [left, right] = [across(at, -channels), across(at, channels)];
      const [up, down] = [across(at, -width * channels), across(at, width * channels)];
      return 0.5 * value + (left + right + up + down) / 8;
    }),
  ];
}
