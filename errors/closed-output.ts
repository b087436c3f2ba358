/** Whether the process is there for its output alone, as a command that lists something is. */
let isForOutput = true;

/**
 * Decides what a program does when its output can no longer be written, because the reader of a pipe has ended, as "head" does,
 * or the terminal is gone. By default it ends, without an error: nobody reads what it would print. Lost messages on stderr end
 * no program. Called once, before anything is printed.
 */
export function handleClosedOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isForOutput) return;
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  process.stderr.on('error', () => {});
}

/** From here on the program does something that matters without a reader, such as a training or a server: it goes on. */
export function continueWithoutOutput(): void {
  isForOutput = false;
}
