import { withServing } from '#cli/commands/serve.fixture.ts';
import { UserError } from '#errors/user-error.ts';
import { FORMATS, type Format, fuzz } from '#inference/fuzz.fixture.ts';
import { runSchemathesis } from '#inference/openapi/schemathesis.fixture.ts';
import { readersPython } from '#setup/readers.mjs';
import { countingMemory, liveMemoryOf } from './live-memory.ts';

interface Options {
  /** Damaged pictures of each format. */
  readonly count: number;
  /** Requests of Schemathesis for each operation, in each phase. */
  readonly examples: number;
  readonly seed: number;
}

/**
 * Damaged pictures to `cifar10 serve`, and then Schemathesis by the description. Prints what was answered, and what the
 * server had in use without garbage in the beginning and at the end.
 *
 * @throws {UserError} there was a 5xx, or an answer that is not described
 */
export async function benchmarkFuzzing({ count, examples, seed }: Options): Promise<void> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  await withServing(async ({ url, process: server }) => {
    const isDefect = (outcome: string) => !/^(200$|4)/.test(outcome);
    const defects: string[] = [];
    for (const format of Object.keys(FORMATS) as Format[]) {
      let early = 0;
      const onAnswer = async (answered: number) => {
        if (answered === Math.ceil(count / 10)) early = await liveMemoryOf(server);
      };
      const outcomes = [...(await fuzz({ url, format, count, seed, onAnswer }))].sort();
      const counts = outcomes.map(([outcome, times]) => `${outcome}: ${times}`).join(', ');
      const late = await liveMemoryOf(server);
      print(`${count} damaged ${format}: ${counts}; in use ${early.toFixed(1)} MB, then ${late.toFixed(1)}`);
      defects.push(...outcomes.filter(([outcome]) => isDefect(outcome)).map(([outcome]) => `${format}: ${outcome}`));
    }
    const python = readersPython();
    if (python === undefined) print('Schemathesis was not run: "npm run setup -- --with-tests" installs it.');
    else {
      const { isGood, cases, report } = await runSchemathesis({ python, url, examples, seed });
      const last = await liveMemoryOf(server);
      print(`Schemathesis: ${cases} requests, ${isGood ? 'nothing found' : report}; in use ${last.toFixed(1)} MB`);
      if (!isGood) defects.push('Schemathesis');
    }
    if (defects.length > 0) throw new UserError(`Answered wrongly: ${defects.join(', ')}.`);
  }, countingMemory);
}
