import { systemError } from './system-error.ts';

/** The reader of a pipe has ended, or the terminal was closed. */
const closed: readonly (string | undefined)[] = ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'];

/** Whether the process is there for its output alone, as a command that lists something is. */
let isForOutput = true;

/**
 * Decides what a program does when its output can no longer be written, because the reader of a pipe has ended, as "head" does,
 * or the terminal is gone. By default it ends, without an error: nobody reads what it would print. Output that is lost, on a
 * full disk for example, is an error. Lost messages on stderr end no program. Called once, before anything is printed.
 */
export function handleClosedOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isForOutput) return;
    if (!closed.includes(error.code)) {
      process.stderr.write(`error ${systemError(error, 'Standard output')?.message ?? error.message}\n`);
      process.exitCode = 1;
    }
    process.exit();
  });
  process.stderr.on('error', () => {});
}

/** From here on the program does something that matters without a reader, such as a training or a server: it continues. */
export function continueWithoutOutput(): void {
  isForOutput = false;
}
