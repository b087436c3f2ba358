import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { cachedFolder } from '#setup/cache.mjs';
import { run } from '#setup/processes.mjs';
import { findPython } from '#setup/python.mjs';

/** The peers of training. PyTorch for Linux on PyPI includes CUDA: 2.5 GB, of which a CPU uses a tenth. */
const REQUIREMENTS = ['torch==2.15.0', 'keras==3.15.1', 'tensorflow-cpu==2.21.0'];

/**
 * Returns a Python with Keras and PyTorch, from a virtual environment in the cache; creates it on first use.
 *
 * @param log called before the installation, which takes minutes
 * @throws {UserError} there is no Python, or the packages cannot be installed
 */
export async function peersPython(log: (line: string) => void): Promise<string> {
  const python = await findPython();
  if (!python)
    throw new UserError('The peers need Python 3.12 or 3.13, and no working one was found. Install one and try again.');
  const digest = createHash('sha256')
    .update([python.version, ...REQUIREMENTS].join())
    .digest('hex')
    .slice(0, 16);
  const folder = await cachedFolder(`bench-peers-${digest}`, async (part) => {
    log(`Installing ${REQUIREMENTS.join(', ')}: about 3 GB, once.`);
    try {
      await run(python.executable, ['-m', 'venv', part]);
      // No byte code: it would contain the temporary path of the environment.
      await run(join(part, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--no-compile', ...REQUIREMENTS]);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new UserError(`Cannot install ${REQUIREMENTS.join(', ')}: ${problem}`, { cause: error });
    }
  });
  return join(folder, 'bin', 'python');
}
