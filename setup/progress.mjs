/** What set-up shows while it works: one line a step, and in a terminal a live line below for the steps that run. */

/** Milliseconds between two drawings of the live line, and between two lines of a step where there is no terminal. */
const TERMINAL_INTERVAL = 100;
const PLAIN_INTERVAL = 15_000;
const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/**
 * @typedef {object} Step
 * @property {(text: string) => void} update says how far it is
 * @property {(text: string) => void} done ends it, well
 * @property {(text: string) => void} warn ends it, with something less than was hoped for
 * @property {() => void} stop ends it without a word, if it did not end before: the error that follows says the rest
 */

/**
 * @typedef {object} Progress
 * @property {(name: string) => Step} step begins a step
 * @property {(text: string) => void} say a line of its own
 */

/**
 * @param {NodeJS.WriteStream} stream
 * @returns {Progress}
 */
export function createProgress(stream) {
  const terminal = stream.isTTY === true;
  /** @type {Map<string, { since: number, text: string }>} */
  const running = new Map();
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  let frame = 0;

  function describeRunning() {
    return [...running].map(([name, { text, since }]) => `${name} ${text || seconds(since)}`).join(' · ');
  }

  function draw() {
    frame += 1;
    const line = `${SPINNER[frame % SPINNER.length]} ${describeRunning()}`;
    stream.write(`\r\x1b[2K${line.slice(0, (stream.columns || 80) - 1)}`);
  }

  function tellPlainly() {
    stream.write(`  … ${describeRunning()}\n`);
  }

  /** @param {string} text */
  function say(text) {
    stream.write(`${terminal ? '\r\x1b[2K' : ''}${text}\n`);
    if (terminal && running.size > 0) draw();
  }

  /**
   * @param {string} name
   * @param {string} [line]
   */
  function end(name, line) {
    if (!running.delete(name)) return;
    if (running.size === 0) {
      clearInterval(timer);
      timer = undefined;
      if (terminal) stream.write('\r\x1b[2K');
    }
    if (line !== undefined) say(line);
  }

  return {
    say,
    step(name) {
      const since = performance.now();
      const state = { since, text: '' };
      running.set(name, state);
      if (terminal) draw();
      else say(`  ${name} …`);
      timer ??= setInterval(terminal ? draw : tellPlainly, terminal ? TERMINAL_INTERVAL : PLAIN_INTERVAL);
      timer.unref();
      return {
        update(text) {
          state.text = text;
        },
        done: (text) => end(name, `✓ ${name}: ${text}, ${seconds(since)}`),
        warn: (text) => end(name, `! ${name}: ${text}`),
        stop: () => end(name),
      };
    },
  };
}

/**
 * @param {number} bytes
 * @returns {string} such as `274 MB`
 */
export function megabytes(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

/** @param {number} since */
function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
