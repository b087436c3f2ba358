import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePrimitive } from './onednn-verbose.ts';

// Printed by oneDNN 3.7 in TensorFlow 2.21.
const printed =
  'onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx512_core,backward_weights,src:f32::blocked:acdb::f0 ' +
  'wei:f32:a:blocked:Acdb16a::f0 bia:f32::blocked:a::f0 dst:f32::blocked:acdb::f0,,alg:convolution_direct,' +
  'mb512_ic3oc32_ih32oh32kh3sh1dh0ph1_iw32ow32kw3sw1dw0pw1,32.3882';

test('reads a line', () => {
  expect(parsePrimitive(printed)).toMatchObject({
    kind: 'convolution',
    implementation: 'jit:avx512_core',
    propagation: 'backward_weights',
    problem: 'mb512_ic3oc32_ih32oh32kh3sh1dh0ph1_iw32ow32kw3sw1dw0pw1',
    milliseconds: 32.3882,
  });
});

test('ignores lines that do not report an executed primitive', () => {
  for (const line of [
    'onednn_verbose,v1,info,oneDNN v3.7.3 (commit N/A)',
    'onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind,memory_descriptors,' +
      'attributes,auxiliary,problem_desc,exec_time',
    '{"seconds":1}',
    '',
  ]) {
    expect(parsePrimitive(line)).toBeUndefined();
  }
});

test('accepts complete lines only: a truncated line, or one that runs into another, is ignored', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: printed.lastIndexOf(',') }), (length) => {
      expect(parsePrimitive(printed.slice(0, length))).toBeUndefined();
      expect(parsePrimitive(printed.slice(0, length) + printed)).toEqual(
        length === 0 ? parsePrimitive(printed) : undefined,
      );
    }),
  );
});

test('reads the output of the installed TensorFlow', () => {
  const folder = mkdtempSync(join(tmpdir(), 'verbose-'));
  try {
    const script = join(folder, 'multiply.mts');
    const tensorflow = join(import.meta.dirname, '..', '..', 'training', 'engine', 'tensorflow.ts');
    writeFileSync(
      script,
      `const { loadTensorFlow } = await import(${JSON.stringify(tensorflow)});
      const { tf } = await loadTensorFlow();
      tf.conv2d(tf.ones([2, 9, 9, 3]), tf.ones([3, 3, 3, 8]), 1, 'valid').dataSync();`,
    );
    const output = execFileSync(process.execPath, ['--import', './setup/typescript.mjs', script], {
      encoding: 'utf8',
      env: { ...process.env, ONEDNN_VERBOSE: 'profile_exec' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const convolutions = output
      .split('\n')
      .flatMap((line) => parsePrimitive(line) ?? [])
      .filter(({ kind }) => kind === 'convolution');
    expect(convolutions).toHaveLength(1);
    expect(convolutions[0]).toMatchObject({ problem: expect.stringContaining('mb2_ic3oc8_ih9oh7kh3') });
    expect(convolutions[0]!.milliseconds).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
