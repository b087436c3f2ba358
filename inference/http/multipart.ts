import { fromBase64 } from './base64.ts';
import { RequestError } from './problem.ts';

/** A part of a form. */
export interface Part {
  /** `undefined` where the part has none: it is not a field of a form. */
  readonly name: string | undefined;
  /** Whether it was sent as a file: it has a file name, which may be empty, or a type other than text. */
  readonly isFile: boolean;
  readonly body: Buffer;
}

/** The largest number of parts in a form, as in other servers. */
const MAX_PARTS = 1000;

/** Bytes of the headers of a part; Node has the same limit for those of a request. */
const MAX_HEADERS = 16 * 1024;

const LET_THE_CLIENT =
  'Let the client write the Content-Type with the form (curl -F, FormData in JavaScript, files= in Python) instead of setting it.';

/**
 * Reads a form: a body of the type `multipart/form-data`, or another multipart type with the same headers.
 *
 * Takes what clients send beyond the standard: names without quotes, line ends without CR, a last delimiter without its two
 * dashes. Parts inside a part are refused.
 *
 * @throws {RequestError} it has no boundary, does not end, is nested, or exceeds a limit
 * @see https://www.rfc-editor.org/rfc/rfc7578
 * @see https://www.rfc-editor.org/rfc/rfc2046#section-5.1
 */
export function readMultipart(contentType: string, body: Uint8Array): Part[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const boundary = parametersOf(contentType).get('boundary');
  if (!boundary) {
    const found = boundaryIn(bytes);
    const inBody = found === undefined ? '' : `, but the body has ${JSON.stringify(found)}`;
    throw bad(`The Content-Type ${JSON.stringify(contentType)} has no boundary${inBody}. ${LET_THE_CLIENT}`);
  }
  const sections = split(bytes, boundary, '\r\n') ?? split(bytes, boundary, '\n');
  if (sections === undefined) throw noEnd(bytes, boundary);
  return sections.map(readPart).filter((part) => part !== undefined);
}

/** @returns what stands between the delimiters; `undefined` if there is no form with these line ends */
function split(bytes: Buffer, boundary: string, lineEnd: '\r\n' | '\n'): Buffer[] | undefined {
  const dashes = Buffer.from(`--${boundary}`, 'latin1');
  const sections: Buffer[] = [];
  let first: Line | undefined;
  let start = 0; // of the section after the last delimiter
  for (let at = bytes.indexOf(dashes); at >= 0; at = bytes.indexOf(dashes, at + dashes.length)) {
    const end = endOf(bytes, at, first === undefined || at === start ? '\n' : lineEnd);
    const line = end === undefined ? undefined : restOfLine(bytes, at + dashes.length);
    if (end === undefined || line === undefined) continue;
    if (first === undefined) {
      first = line;
      if (lineEnd === '\r\n' && line.hasCarriageReturn === false) return undefined;
    } else {
      // Where only some lines end with CR: the one before the LF is the part's last byte, unless this line has one too.
      const hasCarriageReturn = line.hasCarriageReturn ?? first.hasCarriageReturn;
      const isPartOfLineEnd = lineEnd === '\n' && hasCarriageReturn && bytes[end - 1] === CR;
      sections.push(bytes.subarray(start, Math.max(start, isPartOfLineEnd ? end - 1 : end)));
      if (sections.length > MAX_PARTS) throw bad(`The form has more than ${MAX_PARTS} parts.`);
    }
    if (line.isLast) return sections;
    start = line.next;
  }
  return undefined;
}

const CR = 13;
const LF = 10;

/** @returns where the bytes before a delimiter end, which has to begin a line; `undefined` if it does not */
function endOf(bytes: Buffer, at: number, lineEnd: string): number | undefined {
  const isAtStart = at === 0 || (at === 3 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK));
  if (isAtStart) return at;
  if (bytes[at - 1] !== LF) return undefined;
  if (lineEnd === '\n') return at - 1;
  return bytes[at - 2] === CR ? at - 2 : undefined;
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

interface Line {
  /** Where the next line begins. */
  readonly next: number;
  readonly isLast: boolean;
  /** Whether the line ends with CR and LF; `undefined` where the body ends with it. */
  readonly hasCarriageReturn: boolean | undefined;
}

/** What follows `--boundary`; `undefined` if the line is not a delimiter but begins like one. */
function restOfLine(bytes: Buffer, start: number): Line | undefined {
  const isClosing = bytes[start] === DASH && bytes[start + 1] === DASH;
  let at = isClosing ? start + 2 : start;
  while (bytes[at] === SPACE || bytes[at] === TAB) at++;
  const isCarriageReturn = bytes[at] === CR && bytes[at + 1] === LF;
  if (isCarriageReturn) at++;
  const hasCarriageReturn = bytes[at] === LF ? isCarriageReturn : undefined;
  if (isClosing) return { next: at, isLast: true, hasCarriageReturn };
  if (at < bytes.length && bytes[at] !== LF) return undefined;
  // Some clients end the form with a delimiter like the others, and a few line ends.
  const isLast = bytes.length <= at + 8 && bytes.subarray(at).every((byte) => byte === LF || byte === CR);
  return { next: at + 1, isLast, hasCarriageReturn };
}

const DASH = 45;
const SPACE = 32;
const TAB = 9;

/** @returns `undefined` for a section without headers and bytes */
function readPart(section: Buffer): Part | undefined {
  if (section.length === 0) return undefined;
  const { headers, body } = readHeaders(section);
  const disposition = parametersOf(headers.get('content-disposition') ?? '');
  const name = disposition.get('name') ?? extended(disposition.get('name*'));
  const type = headers.get('content-type')?.toLowerCase() ?? '';
  if (type.startsWith('multipart/')) {
    throw bad(
      `The part ${JSON.stringify(name)} is itself ${type.split(';')[0]}. Send each file as a part of the form.`,
    );
  }
  const isFile = disposition.has('filename') || disposition.has('filename*') || !/^(text\/plain\b|$)/.test(type);
  return { name, isFile, body: transferred(headers.get('content-transfer-encoding') ?? '', body) };
}

function readHeaders(section: Buffer): { readonly headers: Map<string, string>; readonly body: Buffer } {
  const headers = new Map<string, string>();
  let last: string | undefined;
  for (let at = 0; at < section.length; ) {
    const lineFeed = section.indexOf(LF, at);
    const end = lineFeed < 0 ? section.length : lineFeed;
    if (end > MAX_HEADERS) throw bad(`A part of the form has more than ${MAX_HEADERS} bytes of headers.`);
    const line = section.toString('utf8', at, end).replace(/\r$/, '');
    at = end + 1;
    if (line === '') return { headers, body: section.subarray(at) };
    if (/^[ \t]/.test(line)) {
      // A folded header continues in lines that begin with a space.
      if (last !== undefined) headers.set(last, `${headers.get(last)} ${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    last = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    if (!headers.has(last)) headers.set(last, line.slice(colon + 1).trim());
  }
  return { headers, body: section.subarray(section.length) };
}

/** Undoes an encoding of e-mail, which RFC 7578 deprecates and some clients use. */
function transferred(encoding: string, body: Buffer): Buffer {
  const text = () => body.toString('latin1');
  switch (encoding.toLowerCase()) {
    case 'base64':
      // Some clients name it and send the bytes as they are.
      return fromBase64(text()) ?? body;
    case 'quoted-printable':
      return Buffer.from(
        text()
          .replaceAll(/=[ \t]*\r?\n/g, '')
          .replaceAll(/=([\da-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
        'latin1',
      );
    default:
      return body;
  }
}

/**
 * The parameters of a header, such as `boundary` in `multipart/form-data; boundary=x`, by names in lower case. The first of two
 * with the same name counts. Values may have quotes, with `\"` for a quote in them, or none.
 */
function parametersOf(header: string): Map<string, string> {
  const parameters = new Map<string, string>();
  let rest = header;
  while (rest !== '') {
    const before = /^[^=;"]*/.exec(rest)![0];
    rest = rest.slice(before.length);
    if (!rest.startsWith('=')) {
      rest = rest.slice(1); // what stands before a semicolon, or a quote in a value that its client did not escape
      continue;
    }
    const [whole, quoted, bare] = /^=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))/s.exec(rest)!;
    rest = rest.slice(whole.length);
    // A comma or a space in place of the semicolon.
    const name = before.trim().split(/[\s,]/).at(-1)!.toLowerCase();
    const value = quoted?.replaceAll(/\\(["\\])/g, '$1') ?? bare!.trim();
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

/** A value in the form of RFC 8187: `UTF-8''caf%C3%A9`. */
function extended(value: string | undefined): string | undefined {
  const encoded = value?.split("'").at(-1);
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** The boundary that a body has, whatever its Content-Type says. */
export function boundaryIn(body: Uint8Array): string | undefined {
  const head = Buffer.from(body.subarray(0, 512)).toString('latin1');
  return /^(?:\xef\xbb\xbf)?\s*--([^\r\n]{1,200}?)[ \t]*\r?\n(?=content-)/i.exec(head)?.[1];
}

function noEnd(bytes: Buffer, boundary: string): RequestError {
  if (bytes.length === 0) return bad('The form is empty.');
  const line = JSON.stringify(`--${boundary}`);
  if (bytes.includes(`--${boundary}`, 0, 'latin1')) {
    return bad(`The form has no last line ${line.slice(0, -1)}--". It was cut off, or its client does not end it.`);
  }
  const found = boundaryIn(bytes);
  const instead = found === undefined ? '' : ` It has ${JSON.stringify(`--${found}`)} instead.`;
  return bad(`The body has no line ${line}, as its Content-Type says.${instead} ${LET_THE_CLIENT}`);
}

function bad(message: string): RequestError {
  return new RequestError('bad-body', message);
}
