import { isUtf8 } from 'node:buffer';
import { UnsupportedImage } from '#images/image-errors.ts';
import { type Identified, identify } from '#images/image-type.ts';
import { fromBase64 } from '../http/base64.ts';
import { boundaryIn } from '../http/multipart.ts';
import { RequestError } from '../http/problem.ts';

const AS_BYTES =
  'Send the bytes of the file unchanged: curl --data-binary @picture.png; in Python data=open("picture.png", "rb"); in JavaScript the File or Blob itself.';

/**
 * Finds the image file in a body that went through text on its way, where no byte of it is lost: behind a byte order mark or
 * line ends, as Base64, as a data URL, as hexadecimal digits, in quotes, or with each byte as a character.
 *
 * @returns the bytes themselves, if there is no such file in them; an error if they are an image that text mode damaged
 */
export function imageFileIn(bytes: Uint8Array): Uint8Array | Error {
  if (isImage(bytes)) return bytes;
  const content = bytes.subarray(blankLength(bytes));
  if (isImage(content)) return content;
  const text = textOf(bytes);
  const candidates = text === undefined ? [] : [...filesInText(text), ...fileOfCharacters(text)];
  return candidates.find(isImage) ?? undamaged(bytes);
}

/**
 * Decodes the text of an image in JSON: Base64, a data URL, or hexadecimal digits.
 *
 * @returns `undefined` if it is none; an error if it is an image that text mode damaged
 */
export function decodeImageText(text: string): Uint8Array | Error | undefined {
  const files = filesInText(text);
  return files.find(isImage) ?? (files[0] && undamaged(files[0]));
}

/**
 * Looks for the damage that text mode does, which not every decoder notices: some show such images as noise.
 *
 * @param file not a raw image, which may have any bytes
 * @returns the file, or an error with the remedy
 */
export function undamaged(file: Uint8Array): Uint8Array | Error {
  const damage = textDamageOf(file);
  return damage === undefined ? file : new RequestError('unsupported-image', damage);
}

/** @returns the error itself, unless the file is text whose remedy is known */
export function explainText(file: Uint8Array, error: Error): Error {
  const remedy = error instanceof UnsupportedImage ? remedyOf(file) : undefined;
  return remedy === undefined ? error : new RequestError('unsupported-image', remedy);
}

function isImage(file: Uint8Array): boolean {
  return identify(file).type !== undefined;
}

/** The bytes that a text stands for: first as Base64, then as hexadecimal digits. */
function filesInText(text: string): Uint8Array[] {
  const content = withoutWrapping(text);
  return [fromBase64(content), fromHexadecimal(content)].filter((file) => file !== undefined);
}

/** The bytes that a text's characters stand for, where all are of Latin-1: a string that JavaScript calls binary. */
function fileOfCharacters(text: string): Uint8Array[] {
  return /^[\0-\xff]*$/.test(text) ? [Buffer.from(text, 'latin1')] : [];
}

/** Removes quotes, as of JSON, and what precedes the data in a data URL. */
function withoutWrapping(text: string): string {
  const content = text.trim();
  const inner = /^(["']).*\1$/s.test(content) ? content.slice(1, -1).replaceAll('\\/', '/') : content;
  const prefix = /^\s*data:[^,]{0,200};\s*base64\s*,/i.exec(inner)?.[0];
  if (prefix === undefined) return inner;
  const data = inner.slice(prefix.length);
  return data.replaceAll(/%([\da-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

function fromHexadecimal(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/\s|^0x/gi, '');
  return digits.length % 2 === 0 && /^[\da-f]+$/i.test(digits) ? Buffer.from(digits, 'hex') : undefined;
}

/** Bytes of byte order marks and white space at the start. */
function blankLength(bytes: Uint8Array): number {
  const head = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  return /^(?:\xef\xbb\xbf|\s)*/.exec(head)![0].length;
}

/** @returns `undefined` for bytes that are not UTF-8, and not UTF-16 with a byte order mark */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  return isUtf8(bytes) ? new TextDecoder().decode(bytes) : undefined;
}

/** What images begin with as text: bytes beyond ASCII are other characters, and line ends may be gone. */
const IMAGE_AS_TEXT = /^(ÿØÿ|.{0,8}PNG.{0,12}IHDR|.{0,16}(JFIF|Exif)|RIFF.{0,12}WEBP)/s;

/** What PNG and WebP begin with where line ends and NUL bytes changed. A JPEG begins as it should. */
const IMAGE_WITHOUT_LINE_ENDS = /^(\x89PNG.{0,12}IHDR|RIFF.{0,12}WEBP)/s;

/** How text mode damaged an image, with the remedy; `undefined` if there is no sign of it. */
function textDamageOf(bytes: Uint8Array): string | undefined {
  const text = textOf(bytes);
  if (text?.includes('\ufffd')) {
    return `This was sent as text: bytes that are not valid UTF-8 were replaced, and are lost. ${AS_BYTES}`;
  }
  if (text !== undefined && IMAGE_AS_TEXT.test(text.slice(0, 64)))
    return `This is an image that was sent as text. ${AS_BYTES}`;

  const { type } = identify(bytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const head = buffer.toString('latin1', 0, 64);
  const hasLineEnds = [0, CR, LF].some((byte) => buffer.includes(byte));
  // Before version 8, curl -d also leaves out what stands between a NUL byte and the end of its line.
  if (!hasLineEnds && (type !== undefined || /^(\x89PNG|RIFF)/.test(head))) {
    return `This is an image that was sent as text: it has no line ends and no NUL bytes, which curl -d removes. ${AS_BYTES}`;
  }
  if (type === undefined && !IMAGE_WITHOUT_LINE_ENDS.test(head)) return undefined;
  if (type === undefined || (hasOtherSizes(buffer, type) && everyLineEndsWithCrLf(buffer))) {
    return `This is an image that was sent as text: its line ends were changed. ${AS_BYTES}`;
  }
  return undefined;
}

const CR = 13;
const LF = 10;

/** Whether the sizes that the file states are not those that it has, as where bytes were inserted. */
function hasOtherSizes(file: Buffer, type: NonNullable<Identified['type']>): boolean {
  if (type === 'image/webp') return file.readUInt32LE(4) + 8 < file.length;
  if (type === 'image/png') return false; // Its first bytes would have changed.
  let at = 2;
  while (file[at] === 0xff && file[at + 1] !== START_OF_SCAN && at + 4 <= file.length) {
    at += file[at + 1] === 0xff ? 1 : 2 + file.readUInt16BE(at + 2);
  }
  return file[at] !== 0xff;
}

/** The marker of a JPEG after which the lengths of segments do not matter. */
const START_OF_SCAN = 0xda;

function everyLineEndsWithCrLf(file: Buffer): boolean {
  let lines = 0;
  for (let at = file.indexOf(LF); at >= 0; at = file.indexOf(LF, at + 1)) {
    if (file[at - 1] !== CR) return false;
    lines++;
  }
  return lines >= 4; // Fewer may be so by chance.
}

/** What to do about text that is no image; `undefined` if it is none of the usual mistakes. */
function remedyOf(bytes: Uint8Array): string | undefined {
  if (boundaryIn(bytes) !== undefined) {
    return 'This is a multipart form, but its Content-Type does not say so. Send Content-Type: multipart/form-data; boundary=…, as clients write it with the form (curl -F, FormData in JavaScript, files= in Python).';
  }
  const start = (textOf(bytes) ?? '').trim().slice(0, 1000);
  if (/^(https?|s3|gs|file):\/\//i.test(start)) return `This is the address of an image. ${AS_BYTES}`;
  if (/^\[object \w+\]$/.test(start)) return `This is what JavaScript makes of an object as text. ${AS_BYTES}`;
  if (/^b['"](\\x|RIFF)/.test(start)) return `This is how Python prints bytes. ${AS_BYTES}`;
  if (/^@?[^\n=@]{0,250}\.(png|jpe?g|webp|gif|bmp|heic|avif)$/i.test(start)) {
    return `This is the name of a file, not the file. ${AS_BYTES}`;
  }
  if (/^([\w.[\]-]{1,60}=|%[\da-f]{2})/i.test(start)) {
    return 'This is a form as curl -d sends it (application/x-www-form-urlencoded). Send the image in a multipart form: curl -F image=@picture.png; in Python files={"image": open("picture.png", "rb")}.';
  }
  return undefined;
}
