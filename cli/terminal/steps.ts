import pc from 'picocolors';

/** Reports the progress of a step: on a terminal a line replaces the one before, elsewhere each is printed. */
export type Report = (line: string) => void;

const out = process.stderr;

/**
 * Runs one step of a longer task and shows its title, its progress and how long it took.
 *
 * @param title what is done, such as `deploy the stack`
 */
export async function step<Result>(title: string, work: (report: Report) => Promise<Result>): Promise<Result> {
  const started = performance.now();
  const seconds = () => pc.dim(`${((performance.now() - started) / 1000).toFixed(1)} s`);
  const replace = (text: string) => out.write(`\r\u001b[2K${text}`);
  let current = title;
  const draw = () => replace(`${pc.cyan('●')} ${current} ${seconds()}`.slice(0, out.columns + 20));
  const timer = out.isTTY ? setInterval(draw, 200) : undefined;
  if (out.isTTY) draw();
  else out.write(`● ${title}\n`);
  const end = (mark: string) => {
    clearInterval(timer);
    if (out.isTTY) replace('');
    out.write(`${mark} ${title} ${seconds()}\n`);
  };
  try {
    const result = await work((line) => {
      current = `${title}: ${line}`;
      if (!out.isTTY) out.write(`  ${line}\n`);
    });
    end(pc.green('✓'));
    return result;
  } catch (error) {
    end(pc.red('✗'));
    throw error;
  }
}
