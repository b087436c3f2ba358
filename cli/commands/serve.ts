import { Command } from 'commander';
import pc from 'picocolors';
import { defaultStore } from '#environment/home.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { checkOrigins } from '#inference/http/origins.ts';
import { startServer } from '#inference/server.ts';
import { openServedStore } from '#inference/serving/served-store.ts';
import { jsonLog, type Log } from '#inference/telemetry/log.ts';
import { describeLine, traceOf } from '../endpoint/log-line.ts';
import { announceServer } from '../endpoint/running-servers.ts';

interface Options {
  readonly store: string;
  readonly alias: string;
  readonly port: number;
  readonly host: string;
  readonly origin?: readonly string[];
  readonly json?: boolean;
}

const examples = `
Examples:
  ./cifar10 serve                                   the promoted version of this clone's store
  ./cifar10 serve --alias candidate --port 0        the last trained version, on any free port
  ./cifar10 serve --store s3://my-bucket --json     from a bucket, with a line of JSON per request`;

export function serveCommand(): Command {
  return new Command('serve')
    .description('Serve a model on a port of this machine, without a cloud.')
    .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
    .option('--alias <name>', 'the model for requests that name none', 'production')
    .option('--port <number>', 'port to listen on; 0 for any that is free', toPort, 8080)
    .option(
      '--host <address>',
      'address to listen on; 0.0.0.0 accepts requests from other machines',
      toHost,
      '127.0.0.1',
    )
    .option('--origin <origins...>', 'web origins that may call it, such as https://example.org; * for all')
    .option('--json', 'log as JSON lines')
    .addHelpText('after', examples)
    .action(serve);
}

async function serve({ store, alias, port, host, origin = [], json }: Options): Promise<void> {
  const origins = checkOrigins(origin);
  const log = json || !process.stderr.isTTY ? jsonLog((line) => process.stderr.write(line)) : lineLog;
  const server = await startServer({ store: await openServedStore(store), alias, port, host, origins, log });
  process.stdout.write(`Listening on ${server.url}\n`);
  const forget = await announceServer(server.url);
  try {
    const { version, card } = await server.ready();
    const { width, height, fit = 'crop' } = card.input;
    process.stdout.write(
      `Serving ${version}: ${card.name}, ${card.classes.length} classes, pictures of ${width}x${height} (${fit})\n`,
    );
    process.stdout.write(
      `Try it:  open ${server.url}/ in a browser, or\n         curl --data-binary @picture.png ${server.url}/classify\n`,
    );
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${pc.yellow('!')} ${error.message}\n`);
  }
  await signalled('SIGINT', 'SIGTERM');
  await forget();
  await server.close();
}

/** Waits for the first of these signals; a second one ends the process as usual. */
function signalled(...signals: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve());
  });
}

function toPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) {
    throw new UsageError(`${JSON.stringify(text)} is not a port. Give a number from 0 to 65535.`);
  }
  return port;
}

/** An IPv6 address may stand in brackets, as in a URL. */
function toHost(text: string): string {
  const host = text.trim().replace(/^\[(.*)\]$/, '$1');
  if (host === '' || host.includes('/')) {
    throw new UsageError(
      `${JSON.stringify(text)} is not an address. Give one of this machine, such as 127.0.0.1 or ::1.`,
    );
  }
  return host;
}

/** Logs a line for people. */
const lineLog: Log = (level, message, facts = {}) => {
  process.stderr.write(`${describeLine({ level, message, facts })}\n`);
  const trace = level === 'error' ? traceOf(facts) : undefined;
  if (trace !== undefined) process.stderr.write(`${pc.dim(trace)}\n`);
};
