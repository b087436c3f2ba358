import { createInterface } from 'node:readline/promises';
import { UsageError } from '#errors/user-error.ts';

/**
 * Asks the person at the keyboard, who must write out "yes".
 *
 * @throws {UsageError} there is nobody to ask
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError(`${question}\nThere is no terminal to ask at. Add --yes if you mean it.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question}\nWrite "yes" to go on: `)).trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}
