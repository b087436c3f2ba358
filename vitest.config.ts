import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const localstack = '**/*.localstack.test.ts';
/** Has a clone and a LocalStack of its own. */
const readme = 'test/readme.localstack.test.ts';
const modules = 'node_modules/**';
/**
 * Their tests change nothing that outlives a test: no environment, no signal handlers, no engine. They share processes and what
 * is imported; starting Node and importing CDK or TensorFlow.js for each file takes longer than the tests.
 */
const shared = [
  'bench/**/*.test.ts',
  'environment/**/*.test.ts',
  'errors/**/*.test.ts',
  'images/**/*.test.ts',
  'infra/**/*.test.ts',
  'models/**/*.test.ts',
  'test/**/*.test.ts',
  'training/{data,evaluation,nets,protobuf,random,recipe,record}/**/*.test.ts',
];
/** `expect.poll` waits so long for what must come: a second, its default, is short where a machine is busy with all other tests. */
const patient = { expect: { poll: { timeout: 20_000 } } };
const unit = {
  ...patient,
  // Most tests wait for a process or a disk: two at a time are faster on two cores too, where the default is one.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  testTimeout: 180_000,
  hookTimeout: 180_000,
};

export default defineConfig({
  test: {
    // Tests compare printed text; on CI it would be colored.
    env: { NO_COLOR: '1', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // Unit tests need no LocalStack; the LocalStack tests share one, one file after the other. `npm test` runs all projects at once.
    projects: [
      { test: { ...unit, name: 'unit', include: ['**/*.test.ts'], exclude: [modules, localstack, ...shared] } },
      { test: { ...unit, name: 'unit-shared', include: shared, exclude: [modules, localstack], isolate: false } },
      {
        test: {
          ...patient,
          name: 'localstack',
          include: [localstack],
          exclude: [modules, readme],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          globalSetup: ['test/localstack.setup.ts'],
        },
      },
      { test: { name: 'readme', include: [readme], exclude: [modules], hookTimeout: 300_000 } },
    ],
  },
});
