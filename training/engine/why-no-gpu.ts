import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { instanceType } from '#environment/instance-metadata.ts';
import type { GpuProbe } from './gpu-probe.ts';

/** What this machine tells of its GPU, beside TensorFlow. */
export interface GpuFacts {
  /** Version of the host's driver, as the kernel says it; undefined if it runs none. */
  readonly driver: string | undefined;
  /** The last line that `nvidia-smi` prints; undefined if there is no such program. */
  readonly smi: string | undefined;
  /** Type of the EC2 instance. */
  readonly instance: string | undefined;
}

/** CUDA 12 runs on drivers from this series on. @see https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html */
const OLDEST_DRIVER = 525;

/** The driver's own libraries: the container runtime mounts them. */
const driverLibraries = ['libcuda.so.1', 'libnvidia-ml.so.1'];

/** Takes at most 15 seconds. */
export async function gpuFacts(): Promise<GpuFacts> {
  const [driver, smi, instance] = await Promise.all([kernelDriver(), askSmi(), instanceType()]);
  return { driver, smi, instance };
}

/** A sentence or two: why TensorFlow uses no GPU, and what to do. */
export function whyNoGpu({ opened, missing, complaints, endedBy }: GpuProbe, facts: GpuFacts): string {
  const said = complaints.length > 0 ? `TensorFlow says: ${complaints.join(' ')}` : '';
  const driverMissing = missing.find(({ name }) => driverLibraries.includes(name));
  const cudaMissing = missing.filter(({ name }) => !driverLibraries.includes(name));
  if (isTooOld(facts.driver)) {
    return `NVIDIA's driver ${facts.driver} is too old: CUDA 12 takes ${OLDEST_DRIVER} or newer. Use an image of the instance with a newer one (ECS_AL2023_NVIDIA). ${said}`.trim();
  }
  if (driverMissing && facts.driver === undefined) {
    return `there is no NVIDIA driver: ${driverMissing.name} cannot be opened, and the kernel runs none. Use an instance with a GPU and an image of the instance that has the driver (ECS_AL2023_NVIDIA).`;
  }
  if (driverMissing) {
    return (
      `the host runs NVIDIA's driver ${facts.driver}, but ${driverMissing.name} is not in this container. The job definition must ask ` +
      'for a GPU, and NVIDIA_DRIVER_CAPABILITIES must be compute,utility.'
    );
  }
  if (cudaMissing.length > 0) {
    const list = cudaMissing.map(({ name, reason }) => `${name} (${reason})`).join(', ');
    return `it cannot open ${list}. The image lacks what TensorFlow insists on: build it again from training/Dockerfile.`;
  }
  if (endedBy === 'timeout') return `it did not start in time. ${said || 'It said nothing.'}`;
  if (endedBy !== undefined)
    return `it ended by ${endedBy} after it had opened ${opened.join(', ') || 'nothing'}. ${said}`.trim();
  return said || 'it gives no reason.';
}

/** The machine, in brackets behind the reason. */
export function describeFacts({ driver, smi, instance }: GpuFacts): string {
  return [
    instance ? `instance type ${instance}` : 'instance type unknown',
    driver ? `driver ${driver}` : 'no driver in the kernel',
    smi === undefined ? 'no nvidia-smi' : `nvidia-smi: ${smi}`,
  ].join('; ');
}

function isTooOld(driver: string | undefined): boolean {
  return driver !== undefined && Number.parseInt(driver, 10) < OLDEST_DRIVER;
}

async function kernelDriver(): Promise<string | undefined> {
  try {
    return driverIn(await readFile('/proc/driver/nvidia/version', 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param text such as `NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024` */
export function driverIn(text: string): string | undefined {
  return /Kernel Module(?: for \S+)?\s+(\d[\d.]*)/.exec(text)?.[1];
}

async function askSmi(): Promise<string | undefined> {
  const words = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
  return await new Promise((resolve) => {
    execFile('nvidia-smi', words, { timeout: 15_000 }, (error, stdout, stderr) => {
      const lines = `${stdout}\n${stderr}`.trim().split('\n');
      resolve((error as NodeJS.ErrnoException | null)?.code === 'ENOENT' ? undefined : lines.at(-1) || 'nothing');
    });
  });
}
