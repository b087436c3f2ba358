import { createInterface } from 'node:readline/promises';
import { UsageError } from '#errors/user-error.ts';

/**
 * Asks a question at the terminal; only "yes" confirms.
 *
 * @throws {UsageError} standard input is not a terminal
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError(`${question}\nThere is no terminal to ask for confirmation. Add --yes to confirm.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question}\nType "yes" to continue: `)).trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}
