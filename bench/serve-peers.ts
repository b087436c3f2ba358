import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { cachedFolder } from '#setup/cache.mjs';
import { run } from '#setup/processes.mjs';

/** The peers of serving from Node: ONNX Runtime compiled to WebAssembly, and native. */
const PACKAGES = ['onnxruntime-web@1.30.0', 'onnxruntime-node@1.30.0'];

/**
 * Returns a folder in the cache with ONNX Runtime in its `node_modules`; creates it on first use.
 *
 * @param log called before the installation, which takes a while
 * @throws {UserError} it cannot be installed
 */
export async function onnxRuntimes(log: (line: string) => void): Promise<string> {
  const digest = createHash('sha256').update(PACKAGES.join()).digest('hex').slice(0, 16);
  return cachedFolder(`bench-serve-peers-${digest}`, async (part) => {
    log(`Installing ${PACKAGES.join(', ')}: about 440 MB, once.`);
    await writeFile(join(part, 'package.json'), '{"private": true}');
    try {
      // No install scripts: one of them downloads CUDA libraries.
      await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...PACKAGES], { cwd: part });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new UserError(`Cannot install ${PACKAGES.join(', ')}: ${problem}`, { cause: error });
    }
  });
}
