/** The command line of set-up. */
import { parseArgs } from 'node:util';
import { check } from './check.mjs';
import { SetupFailure } from './failure.mjs';
import { interruptible } from './interrupt.mjs';
import { setupState } from './state.mjs';
import { setUp } from './steps.mjs';

const HELP = `Usage: npm run setup [-- <options>]

Installs what this clone needs: the npm packages, native TensorFlow, LocalStack. All clones share the cache in
\${XDG_CACHE_HOME:-~/.cache}/cifar10.

Options:
  --check       report what is installed, and change nothing; exits with 1 if something is missing
  --with-tests  also install what \`npm test\` needs; then LocalStack is required
  --gpu         TensorFlow for CUDA, without LocalStack and development packages
  -h, --help    show this help

Environment:
  XDG_CACHE_HOME  the parent folder of the cache            CXX            the C++ compiler
  PIP_INDEX_URL   the Python index, also used without pip (default: pip's configuration)`;

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit code: 0 complete, 1 failed, 2 invalid arguments, 130 interrupted, 143 terminated
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
 * For the launcher: fast and silent if nothing is missing. It does not retry what the last set-up had to leave out.
 *
 * @returns {Promise<number>} the exit code, 0 if the command can run
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
      if (options.retry !== false && after.at === before?.at) console.error('✓ set-up: complete');
      return 0;
    } catch (error) {
      if (!(error instanceof SetupFailure)) throw error;
      console.error(error.message);
      return 1;
    }
  });
}
