import { readFileSync } from 'node:fs';

/** Resources that a process has used so far. */
export interface Usage {
  /** CPU time of all threads, user and kernel, in steps of 0.01 s. */
  readonly cpuSeconds: number;
  /** Peak resident memory in bytes (`VmHWM`). */
  readonly peakMemory: number;
}

/** @returns undefined if the process does not exist, or the system has no `/proc` (only Linux has one) */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name, in parentheses: it may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third field on
    const [user, system] = [Number(fields[11]), Number(fields[12])];
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return { cpuSeconds: (user + system) / 100, peakMemory: Number(kilobytes) * 1024 };
  } catch {
    return undefined;
  }
}
