/** The command line of set-up. */
import { parseArgs } from 'node:util';
import { check } from './check.mjs';
import { SetupFailure } from './failure.mjs';
import { interruptible } from './interrupt.mjs';
import { setupState } from './state.mjs';
import { setUp } from './steps.mjs';

const HELP = `Usage: npm run setup [-- <options>]

Installs what this clone needs and lacks: the npm packages, native TensorFlow, LocalStack. What is costly to make lies in
\${XDG_CACHE_HOME:-~/.cache}/cifar10 and is shared by all clones.

Options:
  --check       say what is there and change nothing; ends with 1 if something is missing
  --with-tests  also what \`npm test\` needs; then it is an error if there can be no LocalStack
  --gpu         for the training image: TensorFlow for CUDA, no LocalStack, no packages of development
  -h, --help    this text

Environment:
  XDG_CACHE_HOME  where the cache is                        CXX            the C++ compiler
  PIP_INDEX_URL   the Python index, also where there is no pip (else as pip is configured)`;

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit code: 0 all is there, 1 failed, 2 bad arguments, 130 interrupted, 143 terminated
 */
export async function main(args) {
  let options;
  try {
    options = parseArgs({
      args,
      options: {
        check: { type: 'boolean' },
        'with-tests': { type: 'boolean' },
        gpu: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (options.check) return check({ gpu: options.gpu ?? false });
  return runSetUp({ withTests: options['with-tests'] ?? false, gpu: options.gpu ?? false });
}

/**
 * For the launcher: silent and quick where there is nothing to do. What the last set-up had to leave out is left out again.
 *
 * @returns {Promise<number>} the exit code, 0 if the command can go on
 */
export function ensureSetUp() {
  return runSetUp({ retry: false });
}

/**
 * @param {import('./steps.mjs').SetupOptions} options
 * @returns {Promise<number>}
 */
function runSetUp(options) {
  return interruptible(async (signal) => {
    try {
      const before = setupState();
      const after = await setUp({ ...options, signal });
      if (options.retry !== false && after.at === before?.at) console.error('✓ set-up: all is there');
      return 0;
    } catch (error) {
      if (!(error instanceof SetupFailure)) throw error;
      console.error(error.message);
      return 1;
    }
  });
}
