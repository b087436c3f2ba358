/**
 * Replaces AWS's Node.js runtime: loads the handler that `_HANDLER` names from `LAMBDA_TASK_ROOT`, then takes one
 * invocation after the other from the Lambda Runtime API.
 *
 * It runs outside this project, and imports Node's own modules only.
 */
import { existsSync, writeSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

/** @typedef {(event: unknown, context: object, callback?: (error: unknown, result?: unknown) => void) => unknown} Handler */

const [hostname, port] = environment('AWS_LAMBDA_RUNTIME_API').split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** The id of the current invocation; console lines contain it. */
let requestId = '';

/** @param {string} name */
function environment(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`The environment variable ${name} is not set.`);
  return value;
}

/**
 * @param {'GET' | 'POST'} method
 * @param {string} route below `runtime/`
 * @param {string} [body] JSON
 * @returns {Promise<{ headers: http.IncomingHttpHeaders, body: string }>}
 */
function call(method, route, body) {
  const headers =
    body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = http.request(
      { hostname, port, agent, method, path: `/2018-06-01/runtime/${route}`, headers },
      (response) => {
        /** @type {Buffer[]} */
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          if ((response.statusCode ?? 500) >= 300) reject(new Error(`the Runtime API answered ${response.statusCode}`));
          else resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Formats console lines as Lambda does: time, request, level, text. Written synchronously, so that a crash loses none. */
function patchConsole() {
  for (const method of /** @type {const} */ (['debug', 'info', 'log', 'warn', 'error', 'trace'])) {
    const level = method === 'log' ? 'INFO' : method.toUpperCase();
    console[method] = (/** @type {unknown[]} */ ...values) => {
      writeSync(1, `${new Date().toISOString()}\t${requestId || 'undefined'}\t${level}\t${format(...values)}\n`);
    };
  }
}

/** @param {unknown} error */
function describeError(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

/**
 * Reports a fatal error and exits.
 *
 * @param {string} kind
 * @param {unknown} error
 * @returns {Promise<never>}
 */
async function die(kind, error) {
  console.error(kind, error);
  const route = requestId ? `invocation/${requestId}/error` : 'init/error';
  await call('POST', route, JSON.stringify(describeError(error))).catch(() => undefined);
  process.exit(requestId ? 129 : 1);
}

/** @returns {Promise<Handler>} */
async function loadHandler() {
  const specification = environment('_HANDLER');
  const folder = path.join(environment('LAMBDA_TASK_ROOT'), path.dirname(specification));
  const [module = '', ...names] = path.basename(specification).split('.');
  const file = ['.js', '.mjs', '.cjs'].map((extension) => path.join(folder, module + extension)).find(existsSync);
  if (!file) throw Object.assign(new Error(`Cannot find module '${module}'`), { name: 'Runtime.ImportModuleError' });
  const exports = await import(pathToFileURL(file).href);
  const find = (/** @type {any} */ root) => names.reduce((value, name) => value?.[name], root);
  const handler = find(exports) ?? find(exports.default);
  if (typeof handler !== 'function') {
    const message = `${specification} is undefined or not exported`;
    throw Object.assign(new Error(message), { name: 'Runtime.HandlerNotFound' });
  }
  return handler;
}

/** @param {http.IncomingHttpHeaders} headers of the invocation */
function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const clientContext = headers['lambda-runtime-client-context'];
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: requestId,
    clientContext: clientContext === undefined ? undefined : JSON.parse(String(clientContext)),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

/**
 * Calls the handler, which answers by a promise or, if it has a third parameter, by a callback.
 *
 * @param {Handler} handler
 * @param {unknown} event
 * @param {object} context
 */
function answer(handler, event, context) {
  if (handler.length < 3) return handler(event, context);
  return new Promise((resolve, reject) => {
    const returned = handler(event, context, (error, result) => (error ? reject(error) : resolve(result)));
    if (returned instanceof Promise) returned.then(resolve, reject);
  });
}

patchConsole();
process.on('uncaughtException', (error) => die('Uncaught Exception', error));
process.on('unhandledRejection', (error) => die('Unhandled Promise Rejection', error));

const handler = await loadHandler().catch((error) => die('Init Error', error));

for (;;) {
  // An error here means that LocalStack has ended, or no longer needs this process.
  const next = await call('GET', 'invocation/next').catch(() => process.exit(0));
  requestId = String(next.headers['lambda-runtime-aws-request-id']);
  process.env._X_AMZN_TRACE_ID = String(next.headers['lambda-runtime-trace-id'] ?? '');
  let route = 'response';
  let body;
  try {
    const result = await answer(handler, JSON.parse(next.body || 'null'), contextOf(next.headers));
    body = JSON.stringify(result === undefined ? null : result);
  } catch (error) {
    route = 'error';
    body = JSON.stringify(describeError(error));
    console.error('Invoke Error', body);
  }
  // A response that is too large is refused; the Runtime API has already reported that.
  await call('POST', `invocation/${requestId}/${route}`, body).catch((error) => console.error(error.message));
  requestId = '';
}
