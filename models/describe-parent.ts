import type { Parent } from './card.ts';

/** Classes that a message names; of more it gives the number. */
const MOST_NAMED = 5;

/** What a training took of its parent, to follow "began with". @param name of the parent, for people */
export function describeParent({ head }: Pick<Parent, 'head'>, name: string): string {
  if (head === undefined) return `the weights of ${name}`;
  const { kept, drawn } = head;
  const body = `the body of ${name}`;
  if (kept.length === 0) return `${body} and a new head for ${drawn.length} classes`;
  if (drawn.length === 0) return `${body}; ${kept.length} of its classes kept`;
  return `${body}; ${kept.length} of ${kept.length + drawn.length} classes kept, ${drawn.length} new: ${named(drawn)}`;
}

/** What a model cannot do that its parent could; undefined where it knows every class of the parent's. */
export function describeLoss(
  { head, byDefault }: Pick<Parent, 'head'> & { byDefault?: true | undefined },
  name: string,
) {
  if (head === undefined || head.left.length === 0 || byDefault) return undefined;
  const count = head.left.length === 1 ? 'a class' : `${head.left.length} classes`;
  return (
    `The new model will know the classes of the data set alone, and not ${count} of ${name}: ${named(head.left)}. ` +
    'Add pictures of them to the data set to keep them.'
  );
}

function named(classes: readonly string[]): string {
  const more = classes.length - MOST_NAMED;
  return more > 0 ? `${classes.slice(0, MOST_NAMED).join(', ')} and ${more} more` : classes.join(', ');
}
