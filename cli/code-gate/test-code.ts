import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '#errors/user-error.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { type LiveCode, moveLiveCode, readLiveCode } from '../stack/live-code.ts';
import { type StackOutputs, suffixOf, type Target } from '../stack/target.ts';
import type { Report } from '../terminal/steps.ts';
import { codeEndpoint } from './code-endpoint.ts';
import { type Passed, type SmokeTest, SmokeTestFailed, smokeTest } from './smoke-test.ts';

interface TestOptions {
  /** What answered before the deployment. @default nothing did */
  readonly before?: LiveCode | undefined;
  /** Through the gateway, with what a caller needs. */
  readonly endpoint: Endpoint;
  readonly report: Report;
  /** Is called with what passed. */
  readonly note: (text: string) => void;
}

/** Seconds until an API, or a key, that was just created works everywhere. */
const PATIENCE = { aws: 60, local: 5 };
/** Seconds between two tries. */
const PAUSE = 3;

/**
 * Tests the code that was deployed: first the version itself, which answers whatever the alias says, then the endpoint through
 * the gateway. If one of them fails, the alias moves back to the version that was live before.
 *
 * Code that was not live, because it failed before, becomes live if it passes now.
 *
 * @throws {UserError} it failed: what was expected, what came, and which version is live now
 */
export async function testCode(target: Target, stack: StackOutputs, options: TestOptions): Promise<Passed> {
  const { endpoint, report, note } = options;
  const { ClassifierFunctionName: name, ClassifierVersion: version } = stack;
  let live = await readLiveCode(target, name);
  if (name === undefined || version === undefined || live === undefined) {
    throw new UserError(`The stack ${target.stackName} has no version of its code. Deploy it with this release.`);
  }
  const test: SmokeTest = { store: await target.store(), isClosed: stack.Auth !== 'none' };
  let asked = `version ${version} of ${name}, without the gateway`;
  try {
    report(`ask ${asked}`);
    const passed = await testVersion(target, { name, version, test });
    note(
      passed === undefined
        ? `version ${version}: you may not call it without the gateway (lambda:InvokeFunction)`
        : `version ${version}: ${describe(passed)}`,
    );
    if (live.version !== version) {
      await moveLiveCode(target, live, version);
      note(`version ${version} is live now; it was not since it failed before`);
      live = { ...live, version };
    }
    asked = `${endpoint.url}, the gateway, which calls version ${version}`;
    report(`ask ${endpoint.url}`);
    const throughGateway = await patiently(PATIENCE[target.name], () => smokeTest(endpoint, test));
    const refuses = test.isClosed ? ', and refuses whoever has no key or signature' : '';
    note(`gateway: ${describe(throughGateway)}${refuses}`);
    return throughGateway;
  } catch (error) {
    if (!(error instanceof SmokeTestFailed)) throw error;
    const serves = await goBack(target, { ...options, version, test });
    throw new UserError(
      [
        'The smoke test failed.',
        `  asked     ${asked}`,
        `  expected  ${error.expected}`,
        `  came      ${error.came}`,
        `  live      ${serves}`,
        `  log       ./cifar10 logs endpoint --since 10m${suffixOf(target)} (${stack.ClassifierLogGroupName})`,
      ].join('\n'),
      { cause: error },
    );
  }
}

/** @returns `undefined` where the user may not call the function */
async function testVersion(
  target: Target,
  { name, version, test }: { readonly name: string; readonly version: string; readonly test: SmokeTest },
): Promise<Passed | undefined> {
  try {
    // Keys are the gateway's: the code itself asks for none.
    return await smokeTest(codeEndpoint(target, name, version), { ...test, isClosed: false });
  } catch (error) {
    if ((error as Error).cause instanceof Error && ((error as Error).cause as Error).name === 'AccessDeniedException') {
      return undefined;
    }
    throw error;
  }
}

/** @returns which version is live now, and how it is */
async function goBack(
  target: Target,
  {
    before,
    endpoint,
    version,
    test,
  }: Pick<TestOptions, 'before' | 'endpoint'> & { readonly version: string; readonly test: SmokeTest },
): Promise<string> {
  const live = await readLiveCode(target, before?.function);
  if (before === undefined || live === undefined)
    return `version ${version}, and there is none before it to go back to`;
  if (before.version === version) return `version ${version}, as before: this deployment changed no code`;
  if (live.version === version) await moveLiveCode(target, live, before.version);
  const isGood = await smokeTest(endpoint, test).then(
    () => true,
    () => false,
  );
  const how = isGood ? 'it passes the same test' : 'it fails the same test, so the code is not the only cause';
  return `version ${before.version}, as before the deployment: ${how}. Version ${version} stays deployed, without requests: deploy again to test it again, or with the code mended`;
}

async function patiently<Result>(seconds: number, work: () => Promise<Result>): Promise<Result> {
  for (const until = performance.now() + 1000 * seconds; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SmokeTestFailed) || performance.now() + 1000 * PAUSE > until) throw error;
      await sleep(1000 * PAUSE);
    }
  }
}

function describe({ model, pictures, difference, seconds }: Passed): string {
  const time = `${seconds.toFixed(1)} s`;
  if (model === undefined) return `it says that there is no model yet, ${time}`;
  return `it is ready with ${model}, and answers its ${pictures} golden pictures (within ${difference.toExponential(0)}), ${time}`;
}
