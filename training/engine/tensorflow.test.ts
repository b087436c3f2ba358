import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { hasTensorFlow } from './tensorflow.ts';

/** Loads TensorFlow in a process of its own, and computes something. @returns the threads of a kernel, and what was printed */
async function loaded(environment: Readonly<Record<string, string>>) {
  const program = `
    import { loadTensorFlow } from ${JSON.stringify(join(import.meta.dirname, 'tensorflow.ts'))};
    const { tf, threads } = await loadTensorFlow();
    tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])).dataSync();
    console.log(threads);`;
  const { TF_NUM_INTRAOP_THREADS: _, OMP_NUM_THREADS: __, ...inherited } = process.env;
  const options = { env: { ...inherited, ...environment } };
  const words = ['--import', './setup/typescript.mjs', '--input-type=module', '--eval', program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, words, options);
  return { threads: Number(stdout), stderr };
}

describe.skipIf(!hasTensorFlow()).concurrent('TensorFlow', { timeout: 60_000 }, () => {
  test('prints nothing when it is loaded, and uses as many threads as OpenMP is told to', async () => {
    expect(await loaded({ OMP_NUM_THREADS: '3,2' })).toEqual({ threads: 3, stderr: '' });
  });

  test('prints its warnings, such as why it cannot use a GPU', async () => {
    const { stderr } = await loaded({ TF_ENABLE_ONEDNN_OPTS: 'abc' });
    expect(stderr).toContain('TF_ENABLE_ONEDNN_OPTS is not set to either');
    expect(stderr).not.toContain('oneDNN custom operations are on');
  });

  test.each([{ OMP_NUM_THREADS: 'abc' }, { TF_NUM_INTRAOP_THREADS: '0' }])(
    'ignores a number of threads that makes no sense, and says so: %j',
    async (environment) => {
      const { threads, stderr } = await loaded(environment);
      expect(threads).toBe(availableParallelism());
      const [[name, value]] = Object.entries(environment) as [[string, string]];
      expect(stderr).toBe(`warning: ${name} is "${value}" and is ignored: it takes a whole number from 1 to 1024.\n`);
    },
  );
});
