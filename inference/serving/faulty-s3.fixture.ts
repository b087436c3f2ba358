import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Faults between a program and S3: those that AWS documents, and those of networks. */
export type Fault =
  /** An S3 error response in XML. @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
  | { readonly kind: 'error'; readonly status: number; readonly code: string }
  /** S3's clock is this many minutes ahead: it refuses requests signed by another time, and its answers state its own. */
  | { readonly kind: 'skew'; readonly minutes: number }
  /** Half of the object, then the connection is reset. */
  | { readonly kind: 'half' }
  /** No answer, but the connection stays open. */
  | { readonly kind: 'silence' }
  /** Half of the object, then nothing, but the connection stays open. */
  | { readonly kind: 'stall' }
  /** The object, a few bytes at a time. */
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMilliseconds: number }
  /** The connection is reset when the request arrives. */
  | { readonly kind: 'reset' };

/** A local proxy to S3 that injects faults. */
export interface FaultyS3 {
  readonly endpoint: string;
  /** The paths requested since `inject`, in order. */
  readonly requested: readonly string[];
  /**
   * @param fault `undefined` ends the faults
   * @param keys which objects it affects. @default all
   * @param times how many requests it affects. @default all
   */
  inject(fault: Fault | undefined, keys?: RegExp, times?: number): void;
  close(): Promise<void>;
}

/** @param upstream the URL of S3, such as `http://127.0.0.1:4566` */
export async function startFaultyS3(upstream: string): Promise<FaultyS3> {
  let current: { readonly fault: Fault; readonly keys: RegExp; left: number } | undefined;
  const requested: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const path = new URL(incoming.url!, upstream).pathname;
    requested.push(path);
    if (!current?.keys.test(path) || current.left <= 0) return pass(incoming, outgoing, upstream);
    current.left--;
    answerWithFault(current.fault, incoming, outgoing, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requested,
    inject(fault, keys = /./, times = Number.POSITIVE_INFINITY) {
      requested.length = 0;
      current = fault && { fault, keys, left: times };
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function answerWithFault(fault: Fault, incoming: IncomingMessage, outgoing: ServerResponse, upstream: string): void {
  const reset = () => incoming.socket.resetAndDestroy();
  const passHalf = (then?: () => void) =>
    passBody(incoming, outgoing, upstream, (body) => {
      outgoing.write(body.subarray(0, body.length / 2), then);
    });
  if (fault.kind === 'error') refuse(outgoing, fault.status, fault.code);
  else if (fault.kind === 'skew') answerByClock(fault.minutes, incoming, outgoing, upstream);
  else if (fault.kind === 'reset') reset();
  else if (fault.kind === 'half') passHalf(reset);
  else if (fault.kind === 'stall') passHalf();
  else if (fault.kind === 'drip') passBody(incoming, outgoing, upstream, (body) => drip(outgoing, body, fault));
}

function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  upstream: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  forward(incoming, upstream, (answer) => {
    outgoing.writeHead(answer.statusCode!, { ...answer.headers, ...headers });
    answer.pipe(outgoing);
  });
}

/** Answers with S3's status and headers, and leaves the body to `send`. */
function passBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  upstream: string,
  send: (body: Buffer) => void,
): void {
  forward(incoming, upstream, async (answer) => {
    const body = Buffer.concat(await answer.toArray());
    outgoing.writeHead(answer.statusCode!, { ...answer.headers, 'content-length': body.length });
    send(body);
  });
}

function forward(incoming: IncomingMessage, upstream: string, then: (answer: IncomingMessage) => void): void {
  const { method, headers } = incoming;
  incoming.pipe(request(new URL(incoming.url!, upstream), { method, headers }, then));
}

function refuse(outgoing: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  outgoing.writeHead(status, { 'content-type': 'application/xml', 'x-amz-request-id': 'ABCDEFGHIJKLMNOP', ...headers });
  outgoing.end(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>As documented.</Message>` +
      '<RequestId>ABCDEFGHIJKLMNOP</RequestId><HostId>host</HostId></Error>',
  );
}

/** S3 allows a skew of fifteen minutes. */
function answerByClock(minutes: number, incoming: IncomingMessage, outgoing: ServerResponse, upstream: string): void {
  const now = Date.now() + minutes * 60_000;
  const date = { date: new Date(now).toUTCString() };
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(incoming.headers['x-amz-date'])) ?? [];
  const signed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Math.abs(signed - now) < 15 * 60_000) pass(incoming, outgoing, upstream, date);
  else refuse(outgoing, 403, 'RequestTimeTooSkewed', date);
}

function drip(outgoing: ServerResponse, body: Buffer, { bytes, everyMilliseconds }: Fault & { kind: 'drip' }): void {
  let sent = 0;
  const timer = setInterval(() => {
    outgoing.write(body.subarray(sent, sent + bytes));
    sent += bytes;
    if (sent >= body.length) outgoing.end();
    if (sent >= body.length || outgoing.destroyed) clearInterval(timer);
  }, everyMilliseconds);
}
