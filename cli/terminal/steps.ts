import pc from 'picocolors';

/** Reports the progress of a step: on a terminal a line replaces the one before, elsewhere one is printed every ten seconds. */
export type Report = (line: string) => void;

const out = process.stderr;

/** Milliseconds between two lines where each of them stays. */
const PLAIN_INTERVAL = 10_000;

/**
 * Runs one step of a longer task and shows its title, its progress and how long it took.
 *
 * @param title what is done, such as `deploy the stack`
 * @param work is given what shows its progress, and what writes lines that stay
 */
export async function step<Result>(
  title: string,
  work: (report: Report, note: (text: string) => void) => Promise<Result>,
): Promise<Result> {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  const replace = (text: string) => out.write(`\r\u001b[2K${text}`);
  let current = title;
  // What wraps would stay on the screen when the line is drawn again; in the last column some terminals wrap already.
  const draw = () => {
    const time = seconds();
    const room = Math.max(0, (out.columns || 80) - time.length - 4);
    replace(`${pc.cyan('●')} ${current.slice(0, room)} ${pc.dim(time)}`);
  };
  const timer = out.isTTY ? setInterval(draw, 200) : undefined;
  if (out.isTTY) draw();
  else out.write(`● ${title}\n`);
  const end = (mark: string) => {
    clearInterval(timer);
    if (out.isTTY) replace('');
    out.write(`${mark} ${title} ${pc.dim(seconds())}\n`);
  };
  let printedAt = started;
  const report = (line: string) => {
    current = `${title}: ${line}`;
    if (out.isTTY || performance.now() - printedAt < PLAIN_INTERVAL) return;
    printedAt = performance.now();
    out.write(`  ${line}\n`);
  };
  const note = (text: string) => {
    if (out.isTTY) replace('');
    out.write(`${text.replaceAll(/^/gm, '  ')}\n`);
  };
  try {
    const result = await work(report, note);
    end(pc.green('✓'));
    return result;
  } catch (error) {
    end(pc.red('✗'));
    throw error;
  }
}
