import { UsageError } from '#errors/user-error.ts';
import { checkDevice, tablesOf } from './device/check.ts';
import { checkLibraries } from './device/libraries.ts';
import { writeResults } from './results.ts';

interface Options {
  /** How long each speed is measured. */
  readonly seconds: number;
  /** Only asks which CUDA libraries TensorFlow can open in this folder. */
  readonly libraries?: string;
}

/**
 * Says what TensorFlow computes on here, whether its training steps are right, and how fast they are; writes
 * `results/<date>-device.json`. The exit code is 1 if a comparison fails, or a library is missing.
 *
 * @throws {UsageError} `seconds` is out of range
 * @throws {UserError} TensorFlow is not installed, or not in the folder of the libraries
 */
export async function benchmarkDevice({ seconds, libraries }: Options): Promise<void> {
  if (!(seconds > 0 && seconds <= 60))
    throw new UsageError(`--seconds must be more than 0 and at most 60, not ${seconds}.`);
  if (libraries !== undefined) {
    await reportLibraries(libraries);
    return;
  }
  const check = await checkDevice(seconds, (line) => void process.stderr.write(`${line}\n`));
  const made = await writeResults('device', `npm run bench -- device --seconds ${seconds}`, {
    what: 'distance of trainings as a share of the way that their weights went; images per second, medians',
    ...check,
  });
  process.stdout.write(`${tablesOf(check)}\n\n${made.join('\n')}\n`);
  if (!check.isGood) process.exitCode = 1;
}

async function reportLibraries(folder: string): Promise<void> {
  const { addon, opened, missing, steps } = await checkLibraries(folder);
  const lines = [
    `TensorFlow in ${addon}, on a simulated GPU:`,
    ...opened.map((name) => `  opened   ${name}`),
    ...missing.map(({ name, reason }) => `  MISSING  ${name}: ${reason}`),
    ...steps.map(({ precision, problem }) => `  steps in ${precision}: ${problem ?? 'find all that they need'}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (missing.length > 0 || steps.some(({ problem }) => problem !== undefined)) process.exitCode = 1;
}
