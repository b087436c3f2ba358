import { Command, Option } from 'commander';
import pc from 'picocolors';
import { defaultStore, localStore, shownPath } from '#environment/home.ts';
import { shellWord } from '#environment/shell-word.ts';
import { UserError } from '#errors/user-error.ts';
import { startServer } from '#inference/server.ts';
import { startLocalStack, stopLocalStack } from '#local/localstack.ts';
import { restoreModels } from '#local/mirror.ts';
import { readAlias } from '#models/aliases.ts';
import { Card } from '#models/card.ts';
import { cifar10Data } from '#models/data-identity.ts';
import { percent } from '#models/percent.ts';
import { newRunId, readResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { listSubmittedRuns, readSubmission } from '#models/submissions.ts';
import { setupState } from '#setup/state.mjs';
import { jobPlace } from '#training/commands/place.ts';
import { trainHere } from '#training/commands/train-here.ts';
import { recipes } from '#training/recipe/recipes.ts';
import { endJob, findJob } from '../batch/batch-jobs.ts';
import { followJob } from '../batch/follow-job.ts';
import { explainFailure } from '../batch/follow-on-terminal.ts';
import { jobView } from '../batch/job-view.ts';
import { submitJob } from '../batch/submit-job.ts';
import { authorizedFetch } from '../endpoint/authorized-fetch.ts';
import { classifyImage, type Endpoint } from '../endpoint/endpoint.ts';
import { writeExamplePictures } from '../endpoint/example-pictures.ts';
import { promoteCandidate } from '../endpoint/promote.ts';
import { stackEndpoint } from '../endpoint/stack-endpoint.ts';
import { deploy } from '../stack/deploy.ts';
import { localTarget, type Target } from '../stack/target.ts';
import { step } from '../terminal/steps.ts';

interface Options {
  readonly once: boolean;
  readonly fresh: boolean;
  readonly recipe: string;
  readonly cloud: boolean;
}

/** The test accuracy of the post's network on CIFAR-10: a model of it that is below counts as a failure. */
const goodEnough = 0.7737;

/** Exit code: the model is good enough, and the cloud part was not run. */
const withoutCloud = 3;

const help = `
"npm start" runs the set-up and then this command. It starts LocalStack, deploys the stack to it,
trains as an AWS Batch job, stores the model in S3, and serves POST /classify through API Gateway
and Lambda until Ctrl-C. The model stays in this clone: the next start serves it, or resumes an
interrupted training.

Exit codes with --once: 0 done, and the served model reaches 77.37 % on CIFAR-10; 1 failed, or it does
not; 3 as 0, but LocalStack was left out. A served model of other pictures need not reach anything.

Examples:
  npm start                   train if nothing is trained yet, and serve
  npm start -- --fresh        train again
  npm start -- --once         end after classifying the example pictures
  npm start -- --no-cloud     train in this process and serve from a folder, without LocalStack`;

export function startCommand(): Command {
  return new Command('start')
    .description('Train, deploy and serve on this machine.')
    .option('--once', 'end after classifying the example pictures', false)
    .option('--fresh', 'train, even if a model is stored', false)
    .option('--no-cloud', 'do not use LocalStack')
    .addOption(new Option('--recipe <name>', 'what to train').choices(Object.keys(recipes)).default('quick'))
    .addHelpText('after', help)
    .action(start);
}

async function start(options: Options): Promise<void> {
  const interrupted = new AbortController();
  const interrupt = () => {
    if (interrupted.signal.aborted) process.exit(130);
    process.stderr.write('\nEnding. Press Ctrl-C again to exit immediately.\n');
    interrupted.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const unavailable = setupState()?.localstack.reason;
    if (options.cloud && unavailable === undefined) {
      await startWithCloud(options, interrupted.signal);
    } else {
      if (unavailable) process.stderr.write(`${pc.yellow('!')} Without a cloud: ${unavailable}\n`);
      await startWithoutCloud(options, interrupted.signal);
    }
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function startWithCloud({ once, fresh, recipe }: Options, signal: AbortSignal): Promise<void> {
  const localStack = await step('start LocalStack', () => startLocalStack({ bound: true }));
  const target = localTarget(localStack.endpoint);
  try {
    const stack = await step('deploy the stack', (report) => deploy(target, { report }));
    signal.throwIfAborted();
    const store = await target.store();
    await restoreModels(store);
    if (fresh || !(await readAlias(store, 'production'))) {
      await trainInBatch(target, store, recipe, signal);
      await promoteTrained(store);
    }
    const isGood = await show(await stackEndpoint(target, stack), { store, reports: localStore }, signal);
    if (once) process.exitCode = isGood ? 0 : 1;
    else await untilAborted(signal);
  } finally {
    if (localStack.wasRunning) {
      process.stderr.write('LocalStack was running before, and still is: "./cifar10 local down" ends it.\n');
    } else {
      await step('end LocalStack', () => stopLocalStack());
    }
  }
}

/** Submits a job, or resubmits the one that an earlier start left unfinished, and follows it to its end. */
async function trainInBatch(target: Target, store: ObjectStore, recipe: string, signal: AbortSignal): Promise<void> {
  const run = (await unfinishedRun(store, recipe)) ?? newRunId();
  const submitted = await step(`submit ${recipe} as a Batch job`, () => submitJob(target, { recipe, run }));
  const view = jobView(process.stderr, { place: jobPlace(store.url, target.name) });
  try {
    const job = await followJob(target, submitted, { onJob: view.job, onEvent: view.event, signal });
    view.end();
    if (job.status === 'SUCCEEDED') return;
    await explainFailure(target, job);
    throw new UserError('There is no model to serve: the training failed.');
  } catch (error) {
    view.end();
    if (!signal.aborted) throw error;
    await step('end the job, with a checkpoint', async () => {
      const job = await findJob(target, await target.stack(), submitted.id);
      await endJob(target, job, 'Ctrl-C');
      await followJob(target, submitted);
    });
    process.stderr.write('The next "npm start" resumes the training.\n');
    throw error;
  }
}

async function unfinishedRun(store: ObjectStore, recipe: string): Promise<string | undefined> {
  for (const run of (await listSubmittedRuns(store)).toReversed()) {
    const submission = await readSubmission(store, run);
    const isSame = submission?.command.join(' ') === `train ${recipe} --run ${run}`;
    if (isSame && !(await readResult(store, run))) return run;
  }
  return undefined;
}

async function startWithoutCloud({ once, fresh, recipe }: Options, signal: AbortSignal): Promise<void> {
  const store = await openObjectStore(defaultStore);
  if (fresh || !(await readAlias(store, 'production'))) {
    const trained = setupState()?.tensorflow.backend === 'wasm' ? 'tiny' : recipe;
    const asked = { recipe: trained, seed: 1, data: 'cifar10', out: defaultStore };
    await trainHere(asked, { signal, stream: process.stderr });
    signal.throwIfAborted();
    await promoteTrained(store);
  }
  const server = await step('serve the model', async () => {
    const started = await startServer({ store, alias: 'production', port: once ? 0 : 8080, log: () => {} });
    await started.ready();
    return started;
  });
  try {
    const isGood = await show({ url: server.url, apiKey: undefined }, { store, reports: store.url }, signal);
    if (once) process.exitCode = isGood ? withoutCloud : 1;
    else await untilAborted(signal);
  } finally {
    await server.close();
  }
}

function promoteTrained(store: ObjectStore): Promise<unknown> {
  return step('promote the candidate', () => promoteCandidate(store, 'npm start'));
}

interface Stores {
  /** Of the served model. */
  readonly store: ObjectStore;
  /** The address of the store with the run's report. */
  readonly reports: string;
}

/** @returns whether the served model is at least as accurate as the post's network, or was tested on other pictures */
async function show(endpoint: Endpoint, { store, reports }: Stores, signal: AbortSignal): Promise<boolean> {
  const examples = await step('classify test images through the endpoint', () => classifyExamples(endpoint, store));
  signal.throwIfAborted();
  const model = await readServedModel(endpoint);
  const { plain, tta } = model.accuracy;
  const isGood = plain >= goodEnough || model.data.sha256.test !== cifar10Data.sha256.test;
  const width = Math.max(11, ...examples.map(({ label }) => label.length));
  const lines = [
    '',
    ...examples.map(({ file, truth, label, score }) => {
      const verdict = label === truth ? pc.green('✓') : pc.red('✗');
      return `  ${verdict} ${label.padEnd(width)} ${percent(score).padStart(7)}   ${pc.dim(`${truth}: ${file}`)}`;
    }),
    '',
    `  ${pc.bold('accuracy')}  ${percent(plain)} plain, ${percent(tta)} with test-time augmentation, all ${model.accuracy.images} test images`,
    ...(isGood ? [] : [`  ${pc.red(`This is below ${percent(goodEnough)}, the accuracy of the post's network.`)}`]),
    `  ${pc.bold('model')}     ${model.version}, ${model.trainingSeconds.toFixed(0)} s of training (${model.recipe.name}, seed ${model.seed})`,
    `  ${pc.bold('report')}    ${reportOf(reports, model.run)}`,
    `  ${pc.bold('page')}      ${endpoint.url}/`,
    `  ${pc.bold('endpoint')}  ${endpoint.url}`,
    ...(endpoint.apiKey ? [`  ${pc.bold('key')}       ${endpoint.apiKey}`] : []),
    `  ${pc.bold('try')}       ${curl(endpoint, examples[0]!.file)}`,
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return isGood;
}

/** The address of a run's report: a path, or a key in a bucket. */
function reportOf(store: string, run: string): string {
  const report = `${store}/runs/${run}/report.html`;
  return store.includes('://') ? report : shownPath(report);
}

interface Example {
  readonly file: string;
  readonly truth: string;
  readonly label: string;
  readonly score: number;
}

/** The example pictures, and what the endpoint takes them for. */
async function classifyExamples(endpoint: Endpoint, store: ObjectStore): Promise<Example[]> {
  return Promise.all(
    (await writeExamplePictures(store)).map(async ({ file, truth, png }) => {
      return { file, truth, ...(await classifyImage(endpoint, png)) };
    }),
  );
}

/** The card of the model that the endpoint serves, from the endpoint itself. */
async function readServedModel(endpoint: Endpoint): Promise<Card & { readonly version: string }> {
  const { url } = endpoint;
  const response = await authorizedFetch(endpoint)(`${url}/model`);
  const body = await response.json();
  if (!response.ok) throw new UserError(`${url}/model answers ${response.status}: ${JSON.stringify(body)}`);
  return { ...Card.parse(body), version: String((body as { version: unknown }).version) };
}

function curl({ url, apiKey, sign }: Endpoint, file: string): string {
  const signed = sign ? '--aws-sigv4 aws:amz:us-east-1:execute-api --user test:test ' : '';
  const key = apiKey ? `-H 'x-api-key: ${apiKey}' ` : signed;
  return `curl ${key}-H 'content-type: image/png' --data-binary ${shellWord(`@${file}`)} ${url}/classify`;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  process.stdout.write('Serving until Ctrl-C.\n');
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    // A pending promise keeps no process alive.
    const alive = setInterval(() => {}, 2 ** 30);
    signal.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });
}
