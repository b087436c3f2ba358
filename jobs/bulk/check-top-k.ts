import { UsageError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';

/** @throws {UsageError} more classes are asked for than the model has */
export function checkTopK(topK: number | undefined, { classes }: Pick<Card, 'classes'>): void {
  if (topK === undefined || topK <= classes.length) return;
  throw new UsageError(`--top-k is ${topK}, and the model has ${classes.length} classes.`);
}
