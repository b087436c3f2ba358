import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { variable } from './variables.ts';

/**
 * The commit that is checked out, with `-dirty` if files differ from it. An image has it as a build argument.
 *
 * @returns null where neither git nor the argument says it
 */
export async function sourceCommit(): Promise<string | null> {
  const built = process.env[variable.commit];
  if (built) return built;
  const words = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
  try {
    const { stdout } = await promisify(execFile)('git', words, { cwd: import.meta.dirname });
    return stdout.trim();
  } catch {
    return null;
  }
}
