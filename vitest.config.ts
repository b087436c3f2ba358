import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Tests compare printed text; on CI it would be colored.
    env: { NO_COLOR: '1', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // Unit tests need no LocalStack; the LocalStack tests share one, one file after the other. `npm test` runs both at once.
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['node_modules/**', '**/*.localstack.test.ts'],
          // Most tests wait for a process or a disk: two at a time are faster on two cores too, where the default is one.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'localstack',
          include: ['**/*.localstack.test.ts'],
          exclude: ['node_modules/**'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          globalSetup: ['test/localstack.setup.ts'],
        },
      },
    ],
  },
});
