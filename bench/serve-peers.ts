import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { cachedFolder } from '#setup/cache.mjs';
import { run } from '#setup/processes.mjs';

/** What others serve networks with from Node: compiled to WebAssembly, and native. */
const PACKAGES = ['onnxruntime-web@1.30.0', 'onnxruntime-node@1.30.0'];

/**
 * A folder with ONNX Runtime in its `node_modules`, in the cache.
 *
 * @param log one line for whoever waits
 * @throws {UserError} it cannot be installed
 */
export async function onnxRuntimes(log: (line: string) => void): Promise<string> {
  const digest = createHash('sha256').update(PACKAGES.join()).digest('hex').slice(0, 16);
  return cachedFolder(`bench-serve-peers-${digest}`, async (part) => {
    log(`Installing ${PACKAGES.join(', ')}: about 440 MB, once.`);
    await writeFile(join(part, 'package.json'), '{"private": true}');
    try {
      // Without scripts: one of them fetches libraries for CUDA.
      await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...PACKAGES], { cwd: part });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new UserError(`The peers cannot be installed. ${problem}`, { cause: error });
    }
  });
}
