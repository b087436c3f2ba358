import { UsageError } from '#errors/user-error.ts';

/** What `npm run bench -- serve` measures, one after the other. */
export const servingParts = ['predictions', 'handler', 'starts', 'load'] as const;

export type ServingPart = (typeof servingParts)[number];

/**
 * @param list names with commas between
 * @throws {UsageError} one is no part
 */
export function parseServingParts(list: string): readonly ServingPart[] {
  const names = new Set(list.split(','));
  const known = servingParts.filter((part) => names.delete(part));
  const [unknown] = names;
  if (unknown !== undefined)
    throw new UsageError(
      `--parts is ${servingParts.join(', ')}, or some of them with commas between, not "${unknown}".`,
    );
  return known;
}
