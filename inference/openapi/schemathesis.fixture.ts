import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export interface SchemathesisOptions {
  /** Path of a Python interpreter with Schemathesis. */
  readonly python: string;
  /** URL of the endpoint, without a trailing slash. */
  readonly url: string;
  /** Number of generated requests per operation and phase. */
  readonly examples: number;
  /** The same seed yields the same requests. */
  readonly seed: number;
}

export interface SchemathesisResult {
  readonly isGood: boolean;
  /** Number of requests sent. */
  readonly cases: number;
  /** The output of Schemathesis. */
  readonly report: string;
}

/**
 * Tests an endpoint with Schemathesis against its own OpenAPI document: no 5xx, and no answer that is not described.
 *
 * @see https://schemathesis.readthedocs.io
 */
export async function runSchemathesis(options: SchemathesisOptions): Promise<SchemathesisResult> {
  const folder = await mkdtemp(join(tmpdir(), 'schemathesis-')); // Schemathesis leaves a cache in its working directory.
  try {
    return await run(options, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run({ python, url, examples, seed }: SchemathesisOptions, cwd: string): Promise<SchemathesisResult> {
  const args = [
    ...['-m', 'schemathesis.cli', '--config-file', file('schemathesis.toml'), 'run', `${url}/openapi.json`],
    ...['--url', url, '--max-examples', String(examples), '--seed', String(seed)],
    ...['--continue-on-failure', '--no-color', '--warnings', 'off'],
  ];
  const env = {
    ...{ PATH: process.env.PATH, HOME: process.env.HOME, PYTHONDONTWRITEBYTECODE: '1' },
    ...{ SCHEMATHESIS_HOOKS: file('schemathesis_hooks.py'), FIXTURES: file('../../images/fixtures') },
  };
  return new Promise((resolve) => {
    execFile(python, args, { cwd, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const cases = Number(/(\d+) generated/.exec(stdout)?.[1] ?? 0);
      resolve({ isGood: error === null && cases > 0, cases, report: stdout + stderr });
    });
  });
}
