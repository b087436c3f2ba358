import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type GpuProbe, probeGpu } from './gpu-probe.ts';

const run = promisify(execFile);
const source = join(import.meta.dirname, 'simulated-driver.fixture.c');

/**
 * Has TensorFlow look for a GPU where a driver says that there is one: it opens the libraries that it insists on, or says which
 * of them it cannot. Needs Linux and a C compiler, `cc`.
 *
 * @param addon the path of `tfjs_binding.node`, built for CUDA, with its libraries where it finds them
 */
export async function probeWithSimulatedDriver(addon: string, node?: string): Promise<GpuProbe> {
  const folder = await mkdtemp(join(tmpdir(), 'simulated-driver-'));
  try {
    const drivers = [];
    for (const [name, defined] of [
      ['libcuda.so.1', []],
      ['libnvidia-ml.so.1', ['-DNVML']],
    ] as const) {
      const file = join(folder, name);
      await run('cc', ['-shared', '-fPIC', ...defined, `-Wl,-soname,${name}`, '-o', file, source]);
      drivers.push(file);
    }
    return await probeGpu(addon, { ...(node && { node }), environment: { LD_PRELOAD: drivers.join(':') } });
  } finally {
    await rm(folder, { recursive: true });
  }
}
