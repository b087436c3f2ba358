import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const source = join(import.meta.dirname, 'simulated-gpu.c');

/** Libraries, and the part of the source that stands for them; none: all of their functions do nothing. */
const driver = { 'libcuda.so.1': 'DRIVER', 'libnvidia-ml.so.1': 'NVML' };
const cuda = {
  'nvidia/cuda_runtime/lib/libcudart.so.12': 'RUNTIME',
  'nvidia/cudnn/lib/libcudnn.so.9': 'CUDNN',
  'nvidia/cublas/lib/libcublas.so.12': 'CUBLAS',
  'nvidia/cublas/lib/libcublasLt.so.12': undefined,
};

/** Compiles a driver that says that there is a GPU. @returns the environment of a process that is to see it */
export async function simulatedDriver(folder: string): Promise<NodeJS.ProcessEnv> {
  const files = await Promise.all(
    Object.entries(driver).map(([name, part]) => compile({ folder, name, part, functions: [] })),
  );
  return { LD_PRELOAD: files.join(':') };
}

/**
 * Compiles a whole simulated GPU: also the libraries of CUDA that a training step calls, with all of their functions.
 *
 * @param libraries that stand in their places, in the folder `nvidia`
 * @returns the environment of a process that is to compute on it
 */
export async function simulatedGpu(folder: string, libraries: string): Promise<NodeJS.ProcessEnv> {
  const { LD_PRELOAD } = await simulatedDriver(folder);
  const files = await Promise.all(
    Object.entries(cuda).map(async ([path, part]) => {
      const { stdout } = await run('nm', ['-D', '--defined-only', join(libraries, path)], { maxBuffer: 2 ** 24 });
      const functions = [...stdout.matchAll(/ T (\w+)/g)].map(([, name]) => name!);
      const [, version] = /@@(\S+)/.exec(stdout) ?? [];
      return await compile({ folder, name: basename(path), part, functions, version });
    }),
  );
  return { LD_PRELOAD: [LD_PRELOAD, ...files].join(':') };
}

interface Compiled {
  readonly folder: string;
  readonly name: string;
  readonly part: string | undefined;
  /** Those that the source does not write out do nothing. */
  readonly functions: readonly string[];
  /** Of all functions, by which other libraries are linked to them. @default none */
  readonly version?: string | undefined;
}

async function compile({ folder, name, part, functions, version }: Compiled): Promise<string> {
  const [file, rest, versions] = [join(folder, name), join(folder, `${name}.rest.c`), join(folder, `${name}.versions`)];
  await writeFile(rest, functions.map((each) => `__attribute__((weak)) int ${each}(void) { return 0; }\n`).join(''));
  const sources = part === undefined ? [rest] : [`-DPART=${part}`, source, rest];
  await writeFile(versions, `${version ?? ''} { *; };\n`);
  await run('cc', [
    ...['-w', '-shared', '-fPIC', `-Wl,-soname,${name}`, `-Wl,--version-script,${versions}`],
    ...['-o', file, ...sources],
  ]);
  return file;
}
