import { readdirSync, readFileSync } from 'node:fs';

const FIXTURES = new URL('../images/fixtures/', import.meta.url);

/** By the ending of the pictures that are damaged. */
export const FORMATS = { PNG: '.png', JPEG: '.jpg', WebP: '.webp' } as const;
export type Format = keyof typeof FORMATS;

export interface FuzzOptions {
  readonly url: string;
  readonly format: Format;
  readonly count: number;
  /** The same seed, the same pictures. */
  readonly seed: number;
  /** Called after each answer. */
  readonly onAnswer?: (answered: number) => void | Promise<void>;
}

/**
 * Sends damaged pictures to an endpoint, eight at a time: half of them cut short, half with one to sixteen bits turned.
 *
 * @returns how many answers of each kind there were, such as `200` and `400 corrupt-image`
 */
export async function fuzz({ url, format, count, seed, onAnswer }: FuzzOptions): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  const pictures = damagedPictures(format, count, seed);
  let answered = 0;
  const client = async () => {
    for (const body of pictures) {
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

function* damagedPictures(format: Format, count: number, seed: number): Generator<Uint8Array<ArrayBuffer>> {
  const pictures = readdirSync(FIXTURES)
    .filter((name) => name.endsWith(FORMATS[format]))
    .map((name) => readFileSync(new URL(name, FIXTURES)));
  const draw = randomNumbers(seed);
  for (let index = 0; index < count; index++) {
    const picture = Uint8Array.from(pictures[draw(pictures.length)]!);
    if (index % 2 === 0) yield picture.slice(0, draw(picture.length));
    else {
      for (let bits = 1 + draw(16); bits > 0; bits--) picture[draw(picture.length)]! ^= 1 << draw(8);
      yield picture;
    }
  }
}

/** Marsaglia's xorshift of 32 bits. @returns whole numbers below what is asked for */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
