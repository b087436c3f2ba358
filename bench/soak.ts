import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode } from 'fast-png';
import { deploy } from '#cli/stack/deploy.ts';
import { localTarget } from '#cli/stack/target.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { startLocalStack, stopLocalStack } from '#local/localstack.ts';
import { moveAlias } from '#models/aliases.ts';
import { publishVersion } from '#models/versions.ts';
import { descendantsOf } from '../test/processes.ts';
import { memoryOf, slopeOf } from './load.ts';
import { writeResults } from './results.ts';
import { pictures } from './untrained.ts';

interface Options {
  /** Classifications through the gateway. */
  readonly calls: number;
  /** Classifications that are sent at once, before and after the others. */
  readonly burst: number;
}

/** The processes of functions, and their memory. */
interface Processes {
  readonly seconds: number;
  readonly count: number;
  readonly megabytes: number;
}

const CLIENTS = 4;
/** After a burst, when to look at the processes that it has left. */
const LOOKS = [0, 5, 30, 60];

/**
 * Classifies a picture through the gateway and the Lambda of a LocalStack of its own. Prints LocalStack's memory, whose slope
 * shows what each call leaves behind, and what processes a burst of calls leaves.
 *
 * @throws {UsageError} a number is not positive and whole
 * @throws {UserError} a call was not answered with 200
 */
export async function benchmarkSoak({ calls, burst }: Options): Promise<void> {
  for (const [name, value] of Object.entries({ calls, burst })) {
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`--${name} must be a whole number of at least 1, not ${value}.`);
  }
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const root = await mkdtemp(path.join(tmpdir(), 'soak-'));
  const folder = path.join(root, 'local');
  try {
    log('starts LocalStack and deploys the stack');
    const localStack = await startLocalStack({ folder, port: 'any', bound: true });
    const classify = await deployWithModel(localStack.endpoint);
    const left = await measureBurst(classify, burst, localStack.pid);
    log(`${calls} calls by ${CLIENTS} clients`);
    const soak = await measureCalls(classify, calls, localStack.pid, log);
    const command = `npm run bench -- soak --calls ${calls} --burst ${burst}`;
    const ending = await writeResults('soak', command, { calls, burst, left, ...soak });
    const [first, last] = [soak.samples[0]!, soak.samples.at(-1)!];
    process.stdout.write(
      `${[
        `LocalStack: ${first[1].toFixed(0)} MB at first, ${last[1].toFixed(0)} MB after ${calls} calls (${soak.perSecond.toFixed(0)}/s); ` +
          `${((1024 * soak.slope) / 10_000).toFixed(2)} KB per call in the second half`,
        `processes of functions after ${burst} calls at once: ${left.map(({ seconds, count, megabytes }) => `${count} with ${megabytes.toFixed(0)} MB after ${seconds} s`).join(', ')}`,
        ...ending,
      ].join('\n')}\n`,
    );
  } finally {
    await stopLocalStack(folder);
    await rm(root, { recursive: true, force: true });
  }
}

/** @returns classifies a picture */
async function deployWithModel(endpoint: string): Promise<() => Promise<void>> {
  const target = localTarget(endpoint);
  const stack = await deploy(target);
  const store = await target.store();
  const version = await publishVersion(store, await exampleModel());
  await moveAlias(store, 'production', { to: version, by: 'bench', expected: undefined });
  const url = `${target.apiUrl(stack)}/classify`;
  const headers = { 'x-api-key': (await target.apiKey(stack)) ?? '' };
  const body = encode({ width: 32, height: 32, channels: 3, data: pictures(1) });
  return async () => {
    const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
    const answer = await response.text();
    if (response.status !== 200) throw new UserError(`A call was answered with ${response.status}: ${answer}`);
  };
}

async function measureBurst(classify: () => Promise<void>, burst: number, pid: number): Promise<Processes[]> {
  await Promise.all(Array.from({ length: burst }, classify));
  const left: Processes[] = [];
  const ended = performance.now();
  for (const seconds of LOOKS) {
    await sleep(Math.max(0, 1000 * seconds - (performance.now() - ended)));
    const functions = (await descendantsOf(pid)).filter(({ command }) => command.includes('bootstrap.mjs'));
    const sizes = await Promise.all(functions.map((each) => memoryOf(each.pid).catch(() => 0)));
    left.push({ seconds, count: functions.length, megabytes: sizes.reduce((sum, size) => sum + size, 0) });
  }
  return left;
}

async function measureCalls(
  classify: () => Promise<void>,
  calls: number,
  pid: number,
  log: (line: string) => void,
): Promise<{ samples: readonly (readonly [calls: number, megabytes: number])[]; slope: number; perSecond: number }> {
  const samples: [number, number][] = [];
  let sent = 0;
  const started = performance.now();
  const client = async () => {
    while (sent < calls) {
      const count = sent++;
      if (count % Math.ceil(calls / 40) === 0) {
        samples.push([count, await memoryOf(pid)]);
        log(`${count} calls: ${samples.at(-1)![1].toFixed(0)} MB`);
      }
      await classify();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const perSecond = calls / ((performance.now() - started) / 1000);
  samples.push([calls, await memoryOf(pid)]);
  return { samples, slope: 10_000 * slopeOf(samples.slice(samples.length / 2)), perSecond };
}
