/** Handles signals while a program must clean up before it ends. */

/** @type {Record<string, number>} exit codes, as in shells */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

/**
 * @param {(signal: AbortSignal) => Promise<number>} body its signal is aborted on SIGINT (Ctrl-C) and SIGTERM
 * @returns {Promise<number>} the body's exit code, or that of the signal
 */
export async function interruptible(body) {
  const controller = new AbortController();
  let code = 0;
  /** @param {NodeJS.Signals} name */
  const interrupt = (name) => {
    code = EXIT_CODES[name] ?? 1;
    controller.abort();
  };
  const names = /** @type {NodeJS.Signals[]} */ (Object.keys(EXIT_CODES));
  for (const name of names) process.on(name, interrupt);
  try {
    return await body(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    console.error('Interrupted. Finished steps are kept; `npm run setup` continues with the rest.');
    return code;
  } finally {
    for (const name of names) process.off(name, interrupt);
  }
}
