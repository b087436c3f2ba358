import { UserError } from '#errors/user-error.ts';
import { explainError } from '../stack/explain-error.ts';
import type { TargetName } from '../stack/target.ts';

/** What a check has found. */
export interface Finding {
  readonly check: string;
  /** `warning`: most things work, and the text says which do not. `problem`: nothing can be deployed or run before it is mended. */
  readonly state: 'ok' | 'warning' | 'problem';
  /** What was found and, unless it is in order, the remedy. */
  readonly text: string;
}

/** One thing to look at. It changes nothing. */
export interface Check {
  readonly name: string;
  /**
   * @returns what is in order, or what to be warned of
   * @throws {UserError} a problem, with its remedy; errors of AWS's SDK are explained
   */
  look(): Promise<string | { readonly warning: string }>;
}

/** Looks at all at the same time, and yields what was found in the order of the checks. */
export async function* examine(checks: readonly Check[], target: TargetName): AsyncGenerator<Finding> {
  const findings = checks.map((check) => lookAt(check, target));
  for (const finding of findings) finding.catch(() => {}); // Thrown when its turn comes.
  for (const finding of findings) yield await finding;
}

async function lookAt({ name, look }: Check, target: TargetName): Promise<Finding> {
  try {
    const found = await look();
    if (typeof found === 'string') return { check: name, state: 'ok', text: found };
    return { check: name, state: 'warning', text: found.warning };
  } catch (error) {
    const explained = error instanceof UserError ? error : await explainError(error, target);
    if (explained === undefined) throw error;
    return { check: name, state: 'problem', text: explained.message };
  }
}
