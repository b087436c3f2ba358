import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // What is printed is compared as text; on CI colours would be on.
    env: { NO_COLOR: '1', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // Two projects: what runs alone in seconds, and what needs a whole LocalStack, one file after the other.
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{bench,cli,environment,errors,images,inference,infra,local,models,setup,training}/**/*.test.ts'],
          exclude: ['**/*.localstack.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'localstack',
          include: ['**/*.localstack.test.ts', 'test/**/*.test.ts'],
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
