/** The progress of set-up: one line per step, and in a terminal a live line for the running steps. */

/** Milliseconds between updates of the live line, and between lines without a terminal. */
const TERMINAL_INTERVAL = 100;
const PLAIN_INTERVAL = 15_000;
const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/**
 * @typedef {object} Step
 * @property {(text: string) => void} update shows how far the step is
 * @property {(text: string) => void} done ends the step successfully
 * @property {(text: string) => void} warn ends the step with a warning
 * @property {() => void} stop ends the step silently, unless it has ended: an error follows
 */

/**
 * @typedef {object} Progress
 * @property {(name: string) => Step} step starts a step
 * @property {(text: string) => void} say writes a line
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

  function writeLine() {
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
      timer ??= setInterval(terminal ? draw : writeLine, terminal ? TERMINAL_INTERVAL : PLAIN_INTERVAL);
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
