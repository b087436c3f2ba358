import { readdirSync, readFileSync } from 'node:fs';

const FIXTURES = new URL('../images/fixtures/', import.meta.url);

/** File extensions of the images that are damaged. */
export const FORMATS = { PNG: '.png', JPEG: '.jpg', WebP: '.webp' } as const;
export type Format = keyof typeof FORMATS;

export interface FuzzOptions {
  readonly url: string;
  readonly format: Format;
  readonly count: number;
  /** The same seed yields the same images. */
  readonly seed: number;
  /** Called after each answer, with the number of answers. */
  readonly onAnswer?: (answered: number) => void | Promise<void>;
}

/**
 * Sends damaged images to an endpoint, eight at a time: half of them truncated, half with one to sixteen bits flipped.
 *
 * @returns the number of answers of each kind, such as `200` and `400 corrupt-image`
 */
export async function fuzz({ url, format, count, seed, onAnswer }: FuzzOptions): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  const images = damagedImages(format, count, seed);
  let answered = 0;
  const client = async () => {
    for (const body of images) {
      const response = await fetch(`${url}/classify`, { method: 'POST', body });
      const { code } = (await response.json()) as { code?: string };
      const outcome = code === undefined ? String(response.status) : `${response.status} ${code}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      await onAnswer?.(++answered);
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  return outcomes;
}

function* damagedImages(format: Format, count: number, seed: number): Generator<Uint8Array<ArrayBuffer>> {
  const originals = readdirSync(FIXTURES)
    .filter((name) => name.endsWith(FORMATS[format]))
    .map((name) => readFileSync(new URL(name, FIXTURES)));
  const draw = randomNumbers(seed);
  for (let index = 0; index < count; index++) {
    const image = Uint8Array.from(originals[draw(originals.length)]!);
    if (index % 2 === 0) yield image.slice(0, draw(image.length));
    else {
      for (let bits = 1 + draw(16); bits > 0; bits--) image[draw(image.length)]! ^= 1 << draw(8);
      yield image;
    }
  }
}

/** Marsaglia's 32-bit xorshift. @returns draws an integer from 0 to below its argument */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
