/**
 * Lets what is imported after this, in this process or thread, be TypeScript. Node 22.18 and newer strip types themselves, and keep
 * what they compiled: commands start in half the time. On an older Node tsx does it.
 */
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

// The types are those of the oldest Node, which has neither.
const { enableCompileCache } = /** @type {{ enableCompileCache?: () => unknown }} */ (nodeModule);
const { typescript } = /** @type {{ typescript?: unknown }} */ (process.features);

enableCompileCache?.();
if (!typescript) {
  const { register } = await import('tsx/esm/api');
  register({ tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)) });
}
