import { isUtf8 } from 'node:buffer';
import { CorruptImage, UnsupportedImage } from '#images/image-errors.ts';
import { identify } from '#images/image-type.ts';
import { fromBase64 } from '../http/base64.ts';
import { boundaryIn } from '../http/multipart.ts';
import { RequestError } from '../http/problem.ts';

const AS_BYTES =
  'Send the bytes of the file unchanged: curl --data-binary @picture.png; in Python data=open("picture.png", "rb"); in JavaScript the File or Blob itself.';

/**
 * Finds the image file in a body that went through text on its way, where no byte of it is lost: behind a byte order mark or
 * line ends, as Base64, as a data URL, as hexadecimal digits, in quotes, or with each byte as a character.
 *
 * @returns the bytes themselves, if there is no such file in them
 * @throws {RequestError} it is an image that text mode damaged
 */
export function imageFileIn(bytes: Uint8Array): Uint8Array {
  if (identify(bytes).type !== undefined) return bytes;
  const content = bytes.subarray(blankLength(bytes));
  if (identify(content).type !== undefined) return content;
  const text = textOf(bytes);
  const candidates = text === undefined ? [] : [...filesInText(text), ...fileOfCharacters(text)];
  const file = candidates.find(isImage);
  if (file) return file;
  // Looked for here too, since a damaged file may have the size of a raw image.
  const damage = textDamageOf(bytes);
  if (damage !== undefined) throw new RequestError('unsupported-image', damage);
  return bytes;
}

/** Decodes the text of an image in JSON: Base64, a data URL, or hexadecimal digits. @returns `undefined` if it is none */
export function decodeImageText(text: string): Uint8Array | undefined {
  const files = filesInText(text);
  return files.find(isImage) ?? files[0];
}

/**
 * Why a file cannot be classified, if it went through text on its way or is other text whose remedy is known.
 *
 * @param error of decoding it
 * @returns the error itself, if neither is the case
 */
export function explainText(file: Uint8Array, error: Error): Error {
  if (!(error instanceof CorruptImage || error instanceof UnsupportedImage)) return error;
  const reason = textDamageOf(file) ?? (error instanceof UnsupportedImage ? remedyOf(file) : undefined);
  return reason === undefined ? error : new RequestError('unsupported-image', reason);
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

/** What images begin with after text mode: bytes beyond ASCII are other characters, and line ends may be gone. */
const DAMAGED_START = /^(ÿØÿ|.{0,8}PNG.{0,12}IHDR|.{0,16}(JFIF|Exif)|RIFF.{0,12}WEBP)/s;

/** How text mode damaged an image, with the remedy; `undefined` if there is no sign of it. */
function textDamageOf(bytes: Uint8Array): string | undefined {
  const text = textOf(bytes);
  if (text?.includes('\ufffd')) {
    return `This was sent as text: bytes that are not valid UTF-8 were replaced, and are lost. ${AS_BYTES}`;
  }
  if (text !== undefined && DAMAGED_START.test(text.slice(0, 64)))
    return `This is an image that was sent as text. ${AS_BYTES}`;

  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (!isImage(bytes) && !DAMAGED_START.test(latin1.slice(0, 64))) return undefined;
  if (!/[\0\r\n]/.test(latin1)) {
    return `This is an image that was sent as text: it has no line ends and no NUL bytes, which curl -d removes. ${AS_BYTES}`;
  }
  const hasOtherLineEnds = latin1.startsWith('\x89PNG') ? !isImage(bytes) : hasConvertedLineEnds(latin1);
  if (hasOtherLineEnds) return `This is an image that was sent as text: its line ends were changed. ${AS_BYTES}`;
  return undefined;
}

/** Whether every LF follows a CR, as in no compressed data. */
function hasConvertedLineEnds(latin1: string): boolean {
  return latin1.split('\r\n').length > 4 && !/(?<!\r)\n/.test(latin1);
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
