import { UserError } from '#errors/user-error.ts';
import { type Card, type Parent, parentName } from './card.ts';
import { describeParent } from './describe-parent.ts';
import { percent } from './percent.ts';
import type { ObjectStore } from './stores/object-store.ts';
import { readCard } from './versions.ts';

/** One step of a version's lineage. */
export interface Ancestor {
  /** What the step before began with. */
  readonly parent: Parent;
  /** Absent for a file, and for a version that the store does not have or cannot read. */
  readonly card?: Card;
}

/** What a version began with, what that one began with, and so on, the nearest first. */
export async function lineageOf(store: ObjectStore, { parent }: Pick<Card, 'parent'>): Promise<Ancestor[]> {
  const ancestors: Ancestor[] = [];
  for (let next = parent; next !== undefined; ) {
    const card = 'version' in next ? await cardOf(store, next.version) : undefined;
    ancestors.push({ parent: next, ...(card && { card }) });
    next = card?.parent;
  }
  return ancestors;
}

/** A step as a line for people. */
export function describeAncestor({ parent, card }: Ancestor): string {
  const began = describeParent(parent, parentName(parent));
  if (card) return `${began} (${card.name}, ${card.recipe.name}, ${percent(card.accuracy.plain)})`;
  return 'version' in parent ? `${began} (not in this store)` : began;
}

async function cardOf(store: ObjectStore, version: string): Promise<Card | undefined> {
  try {
    return await readCard(store, version);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
