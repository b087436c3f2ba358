/** Signals while something runs that has to put things away. */

/** @type {Record<string, number>} as shells count */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

/**
 * @param {(signal: AbortSignal) => Promise<number>} body is told of Ctrl-C and of a termination
 * @returns {Promise<number>} its exit code, or that of the signal
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
    console.error('Interrupted. What was finished stays; `npm run setup` goes on from there.');
    return code;
  } finally {
    for (const name of names) process.off(name, interrupt);
  }
}
