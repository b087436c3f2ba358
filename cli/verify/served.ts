import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { APIGatewayProxyResult } from 'aws-lambda';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import { startServer } from '#inference/server.ts';
import { bundleClassifier } from '#infra/classify/classifier-bundle.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { eventOf, responseOf } from '../endpoint/gateway-event.ts';
import { servedAnswers } from '../endpoint/served-answers.ts';
import type { Question, Runtime } from './runtime.ts';

/** `cifar10 serve`, over HTTP. */
export const served: Runtime = async (question) => {
  const server = await startServer({ store: question.store, alias: 'production', port: 0, log: () => {} });
  try {
    return { runtime: 'cifar10 serve, over HTTP', ...(await ask(question, { url: server.url, apiKey: undefined })) };
  } finally {
    await server.close();
  }
};

/** What Lambda runs: the bundle of the function, in a process that has nothing else, with events of API Gateway. */
export const lambda: Runtime = async (question) => {
  bundleClassifier(question.folder);
  await writeFile(join(question.folder, 'answer.mjs'), ANSWER);
  const environment = { [variable.store]: question.store.url, [variable.alias]: 'production' };
  const child = spawn(process.execPath, ['answer.mjs'], {
    ...{ cwd: question.folder, env: { ...process.env, ...environment } },
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  let errors = '';
  child.stderr!.on('data', (text) => {
    errors += text;
  });
  const waiting: { resolve(result: APIGatewayProxyResult): void; reject(error: Error): void }[] = [];
  createInterface(child.stdio[3] as NodeJS.ReadableStream).on('line', (line) =>
    waiting.shift()?.resolve(JSON.parse(line)),
  );
  void ended.then(() => {
    for (const { reject } of waiting) reject(new UserError(`The function ended: ${errors.slice(-2000)}`));
  });
  try {
    const answer = async (request: Request) => {
      const event = await eventOf(request);
      const result = await new Promise<APIGatewayProxyResult>((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin!.write(`${JSON.stringify(event)}\n`);
      });
      return responseOf(result);
    };
    return {
      runtime: `the Lambda's bundle, Node ${process.versions.node}`,
      ...(await ask(question, { url: 'the function', apiKey: undefined, answer })),
    };
  } finally {
    child.stdin!.end();
    await ended;
  }
};

/** Answers events from standard input, one after the other. Its log goes nowhere. */
const ANSWER = `
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
const { handler } = await import('./index.mjs');
const results = createWriteStream('', { fd: 3 });
for await (const line of createInterface(process.stdin)) results.write(JSON.stringify(await handler(JSON.parse(line))) + '\\n');
`;

async function ask({ version, images, count }: Question, endpoint: Endpoint) {
  const { card, id } = version;
  const { height, width, channels } = card.input;
  const began = performance.now();
  const probabilities = await servedAnswers(
    endpoint,
    { count, images, labels: new Uint8Array(count) },
    { version: id, imageSize: [height, width, channels], classes: card.classes.length, onProgress: () => {} },
  );
  return { probabilities, milliseconds: (performance.now() - began) / count };
}
