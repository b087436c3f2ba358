import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

/**
 * Writes `results/<date>-<name>.json`: the figures, with the command, time, commit and machine that produced them.
 *
 * @param command the command that reproduces them
 * @returns the last two lines that a benchmark prints: the machine, and the file
 */
export async function writeResults(name: string, command: string, figures: object): Promise<string[]> {
  const host = { cpu: cpus()[0]?.model.trim(), cores: cpus().length, memory: totalmem(), node: process.version };
  const at = new Date().toISOString();
  const commit = execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], {
    encoding: 'utf8',
  }).trim();
  const file = join('results', `${at.slice(0, 10)}-${name}.json`);
  await mkdir('results', { recursive: true });
  await writeFile(file, `${JSON.stringify({ command, at, commit, host, ...figures }, undefined, 2)}\n`);
  return [`${host.cpu}, ${host.cores} cores, Node ${host.node}`, `written to ${file}`];
}
