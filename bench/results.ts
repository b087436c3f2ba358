import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

/**
 * Writes `results/<date>-<what>.json`: figures with all that they were made by.
 *
 * @param command that prints them
 * @returns the last two lines of what a benchmark prints: the machine, and the file
 */
export async function writeResults(what: string, command: string, figures: object): Promise<string[]> {
  const host = { cpu: cpus()[0]?.model.trim(), cores: cpus().length, memory: totalmem(), node: process.version };
  const at = new Date().toISOString();
  const commit = execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], {
    encoding: 'utf8',
  }).trim();
  const file = join('results', `${at.slice(0, 10)}-${what}.json`);
  await mkdir('results', { recursive: true });
  await writeFile(file, `${JSON.stringify({ command, at, commit, host, ...figures }, undefined, 2)}\n`);
  return [`${host.cpu}, ${host.cores} cores, Node ${host.node}`, `written to ${file}`];
}
