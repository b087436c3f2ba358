import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What can go wrong between a program and S3, as AWS documents it and networks do it. */
export type Fault =
  /** An error of S3, in S3's own XML. @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
  | { readonly kind: 'error'; readonly status: number; readonly code: string }
  /** Requests are refused whose time is not that of a clock which is so many minutes ahead; answers tell its time. */
  | { readonly kind: 'skew'; readonly minutes: number }
  /** Half of the object, and then a reset connection. */
  | { readonly kind: 'half' }
  /** No answer, and no end. */
  | { readonly kind: 'silence' }
  /** Half of the object, and then nothing more. */
  | { readonly kind: 'stall' }
  /** The object, a little at a time. */
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMilliseconds: number }
  /** The connection is closed as soon as it is there. */
  | { readonly kind: 'reset' };

/** A line to S3 on the loopback interface that can be disturbed. */
export interface S3Line {
  readonly endpoint: string;
  /** What was asked for since `disturb`, in order: the paths. */
  readonly asked: readonly string[];
  /**
   * @param fault `undefined` mends the line
   * @param keys which objects it concerns. @default all
   * @param times how many requests it concerns. @default all
   */
  disturb(fault: Fault | undefined, keys?: RegExp, times?: number): void;
  close(): Promise<void>;
}

/** @param upstream where S3 is, such as `http://127.0.0.1:4566` */
export async function openS3Line(upstream: string): Promise<S3Line> {
  let current: { readonly fault: Fault; readonly keys: RegExp; left: number } | undefined;
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const path = new URL(incoming.url!, upstream).pathname;
    asked.push(path);
    if (!current?.keys.test(path) || current.left <= 0) return pass(incoming, outgoing, upstream);
    current.left--;
    answerBadly(current.fault, incoming, outgoing, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    disturb(fault, keys = /./, times = Number.POSITIVE_INFINITY) {
      asked.length = 0;
      current = fault && { fault, keys, left: times };
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function answerBadly(fault: Fault, incoming: IncomingMessage, outgoing: ServerResponse, upstream: string): void {
  const reset = () => incoming.socket.resetAndDestroy();
  const passHalf = (then?: () => void) =>
    passBody(incoming, outgoing, upstream, (body) => {
      outgoing.write(body.subarray(0, body.length / 2), then);
    });
  if (fault.kind === 'error') refuse(outgoing, fault.status, fault.code);
  else if (fault.kind === 'skew') answerInTime(fault.minutes, incoming, outgoing, upstream);
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
  ask(incoming, upstream, (answer) => {
    outgoing.writeHead(answer.statusCode!, { ...answer.headers, ...headers });
    answer.pipe(outgoing);
  });
}

/** Answers with the true status and headers, and leaves the body to `send`. */
function passBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  upstream: string,
  send: (body: Buffer) => void,
): void {
  ask(incoming, upstream, async (answer) => {
    const body = Buffer.concat(await answer.toArray());
    outgoing.writeHead(answer.statusCode!, { ...answer.headers, 'content-length': body.length });
    send(body);
  });
}

function ask(incoming: IncomingMessage, upstream: string, then: (answer: IncomingMessage) => void): void {
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

/** S3 allows fifteen minutes. */
function answerInTime(minutes: number, incoming: IncomingMessage, outgoing: ServerResponse, upstream: string): void {
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
