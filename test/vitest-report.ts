import { readFile } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

interface TestResults {
  readonly passed: number;
  readonly skipped: number;
  /** By file and name; a file that does not load by its name alone. */
  readonly failed: readonly string[];
}

/** The part of the report that is read. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** @param report a file that vitest's JSON reporter wrote */
export async function readVitestReport(report: string): Promise<TestResults> {
  const { numPassedTests, numPendingTests, testResults }: VitestReport = JSON.parse(await readFile(report, 'utf8'));
  const failed = testResults.flatMap(({ name, status, assertionResults }) => {
    const file = path.relative(root, name);
    const tests = assertionResults.filter((test) => test.status === 'failed');
    // A file that does not load has no failed tests, but is a failure.
    if (status === 'failed' && tests.length === 0) return [file];
    return tests.map(({ fullName }) => `${file}: ${fullName}`);
  });
  return { passed: numPassedTests, skipped: numPendingTests, failed };
}
