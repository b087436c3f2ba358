import { UserError } from '#errors/user-error.ts';
import type { Finding } from './finding.ts';

/** What is told of a finding. */
interface Told extends Pick<Finding, 'level' | 'title' | 'remedy'> {
  readonly examples: readonly { readonly words: string }[];
}

/** @throws {UserError} of what stops training, the first; the message says how much else there is */
export function assertTrainable(findings: readonly Told[]): void {
  const [first, ...others] = findings.filter(({ level }) => level === 'error');
  if (first === undefined) return;
  const example = first.examples[0]?.words;
  const more =
    others.length === 0 ? '' : ` ${others.length} more such ${others.length === 1 ? 'finding' : 'findings'}.`;
  throw new UserError(
    `${first.title}${example === undefined ? '' : ` (${example.replace(/\.$/, '')})`}. ${first.remedy}${more} ` +
      'See everything with "./cifar10 data check".',
  );
}
