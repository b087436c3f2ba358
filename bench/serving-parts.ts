import { UsageError } from '#errors/user-error.ts';

/** The parts of `npm run bench -- serve`, in order. */
export const servingParts = ['predictions', 'handler', 'starts', 'load'] as const;

export type ServingPart = (typeof servingParts)[number];

/**
 * @param list comma-separated names of parts
 * @returns the parts, in the order of `servingParts`
 * @throws {UsageError} a name is not a part
 */
export function parseServingParts(list: string): readonly ServingPart[] {
  const names = new Set(list.split(','));
  const known = servingParts.filter((part) => names.delete(part));
  const [unknown] = names;
  if (unknown !== undefined)
    throw new UsageError(
      `--parts contains "${unknown}", which is not a part. Give one or more of ${servingParts.join(', ')}, comma-separated.`,
    );
  return known;
}
