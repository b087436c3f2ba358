import { execFile } from 'node:child_process';
import { variable } from '#environment/variables.ts';

/** What TensorFlow did when it looked for a GPU. */
export interface GpuProbe {
  /** What it computes on; undefined if it did not get that far. */
  readonly device: 'CPU' | 'GPU' | undefined;
  /** Names of CUDA's libraries that it opened, in this order. */
  readonly opened: readonly string[];
  /** Those that it could not open, with the loader's reason. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  /** Its warnings and errors, and what came out as it broke off. */
  readonly complaints: readonly string[];
  /** The name of the signal by which it ended, or `timeout`; undefined if it ended by itself. */
  readonly endedBy: string | undefined;
}

interface ProbeOptions {
  /** Ends the probe, which then throws the signal's reason. @default never */
  readonly signal?: AbortSignal | undefined;
  /** Added to this process's environment. @default nothing */
  readonly environment?: NodeJS.ProcessEnv;
  /** The Node executable. @default this process's */
  readonly node?: string;
  /** Seconds that TensorFlow may take: from a cold disk it reads gigabytes. @default 90 */
  readonly limitSeconds?: number;
}

/** Loads the addon, as `tfjs-node` does, and prints the device. */
const program = `
  const module = { exports: {} };
  process.dlopen(module, process.argv[1]);
  console.log(module.exports.isUsingGpuDevice() ? 'GPU' : 'CPU');`;

/**
 * Has TensorFlow look for a GPU, in a process of its own: a driver that does not fit may end it, and only from its start can
 * TensorFlow be made to say which libraries it opens.
 *
 * @param addon the path of `tfjs_binding.node`
 */
export async function probeGpu(
  addon: string,
  { signal, environment = {}, node = process.execPath, limitSeconds = 90 }: ProbeOptions = {},
): Promise<GpuProbe> {
  const details = { [variable.logLevel]: '0', [variable.logDetails]: 'dso_loader=1', [variable.gpuGrowth]: 'true' };
  const options = { env: { ...process.env, ...details, ...environment }, timeout: 1000 * limitSeconds, signal };
  return await new Promise((resolve, reject) => {
    const child = execFile(node, ['--eval', program, addon], options, (error, stdout, stderr) => {
      if (signal?.aborted) return reject(signal.reason);
      if (child.pid === undefined) return reject(error);
      const endedBy = error?.killed ? 'timeout' : (error?.signal ?? undefined);
      resolve({ ...readProbe(stdout, stderr), endedBy });
    });
  });
}

/** Reads what the probe printed. */
export function readProbe(stdout: string, stderr: string): Omit<GpuProbe, 'endedBy'> {
  const [device] = /^(CPU|GPU)$/m.exec(stdout) ?? [];
  const opened = [...stderr.matchAll(/Successfully opened dynamic library (\S+)/g)].map(([, name]) => name!);
  const missing = [...stderr.matchAll(/Could not load dynamic library '([^']+)'; dlerror: (.*)/g)].map(
    ([, name, reason]) => ({
      name: name!,
      reason: reason!.replace(`${name}: `, '').replace(/; LD_LIBRARY_PATH: .*/, ''),
    }),
  );
  const complaints = stderr.split('\n').flatMap((line) => complaintIn(line) ?? []);
  return {
    device: device as GpuProbe['device'],
    opened: [...new Set(opened)],
    missing: missing.filter(({ name }, at) => missing.findIndex((other) => other.name === name) === at),
    complaints: [...new Set(complaints)],
  };
}

/** The text of a line at level warning, error or fatal (`E0000 <time> <thread> <file>:<line>] <text>`), or of an abort. */
function complaintIn(line: string): string | undefined {
  return /^[WEF]\d{4} .*?\] (.+)$/.exec(line)?.[1] ?? /^\s*what\(\):\s+(.+)$/.exec(line)?.[1];
}
