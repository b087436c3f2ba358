import { readFileSync } from 'node:fs';

/** What a process has used so far. */
export interface Usage {
  /** Of all its threads, in user mode and in the kernel; counted in hundredths. */
  readonly cpuSeconds: number;
  /** The most memory that it ever had at once, in bytes (`VmHWM`). */
  readonly peakMemory: number;
}

/** @returns undefined where there is no `/proc`: only Linux has one */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name, in parentheses: it may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third field on
    const [user, system] = [Number(fields[11]), Number(fields[12])];
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return { cpuSeconds: (user + system) / 100, peakMemory: Number(kilobytes) * 1024 };
  } catch {
    return undefined;
  }
}
