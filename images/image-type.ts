/** A file type, detected from the first bytes. */
export interface Identified {
  /** The media type of a supported image format. */
  readonly type: 'image/png' | 'image/jpeg' | 'image/webp' | undefined;
  /** With its article, to follow "This is". */
  readonly name: string;
}

/**
 * Identifies a file by its magic bytes; the declared type is ignored.
 *
 * @see https://mimesniff.spec.whatwg.org/#image-type-pattern-matching-algorithm
 */
export function identify(bytes: Uint8Array): Identified {
  if (bytes.length === 0) return other('empty');
  if (startsWith(bytes, '\x89PNG\r\n\x1a\n')) return { type: 'image/png', name: 'a PNG image' };
  if (startsWith(bytes, '\xff\xd8\xff')) return { type: 'image/jpeg', name: 'a JPEG image' };
  if (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8)) return { type: 'image/webp', name: 'a WebP image' };
  if (startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a')) return other('a GIF image');
  if (startsWith(bytes, 'ftyp', 4)) return other(isoMedia(bytes));
  if (startsWith(bytes, '\0\0\0\x0cJXL ') || startsWith(bytes, '\xff\x0a')) return other('a JPEG XL image');
  if (startsWith(bytes, '\0\0\0\x0cjP  ') || startsWith(bytes, '\xff\x4f\xff\x51')) return other('a JPEG 2000 image');
  if (startsWith(bytes, 'II*\0') || startsWith(bytes, 'MM\0*')) return other('a TIFF (or camera raw) image');
  if (startsWith(bytes, '%PDF-')) return other('a PDF document');
  if (startsWith(bytes, '8BPS')) return other('a Photoshop file');
  if (startsWith(bytes, '\0\0\x01\0')) return other('an icon (ICO)');
  if (startsWith(bytes, 'PK\x03\x04')) return other('a zip archive (or an office document)');
  if (startsWith(bytes, '\x1f\x8b')) return other('gzip-compressed data');
  if (startsWith(bytes, '\x1aE\xdf\xa3')) return other('a video (Matroska or WebM)');
  if (isBitmap(bytes)) return other('a BMP image');
  return other(textual(bytes) ?? `an unknown file type (${bytes.length} bytes, beginning with ${hexadecimal(bytes)})`);
}

function other(name: string): Identified {
  return { type: undefined, name };
}

/** HEIC, AVIF and video share a container and differ in the brand; that of still images in general needs another beside it. */
function isoMedia(bytes: Uint8Array): string {
  const length = Math.min(bytes.length, 64, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
  const [brand = '', , ...compatible] = latin1(bytes.subarray(8, length)).match(/.{4}/gs) ?? [];
  const isStill = brand === 'mif1' || brand === 'msf1';
  if (/^avi[fs]$/.test(brand) || (isStill && compatible.includes('avif'))) return 'an AVIF image';
  if (/^(heic|heix|heim|heis|hevc|hevx|mif1|msf1)$/.test(brand)) return 'a HEIC image';
  if (brand === 'crx ') return 'a camera raw image';
  return 'a video (MP4 or QuickTime)';
}

/** `BM` alone would match text that begins with it, so the header size must be a known one too. */
function isBitmap(bytes: Uint8Array): boolean {
  return startsWith(bytes, 'BM') && bytes.length > 14 && [12, 40, 52, 56, 64, 108, 124].includes(bytes[14]!);
}

/** The kind of text; `undefined` if it has control characters or is not UTF-8. */
function textual(bytes: Uint8Array): string | undefined {
  const head = bytes.subarray(0, 1024);
  if (head.some((byte) => byte < 9 || (byte > 13 && byte < 32))) return undefined;
  let text: string;
  try {
    // A character that is cut at the end of the head is not an error.
    text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true }).trimStart();
  } catch {
    return undefined;
  }
  if (/^(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]/i.test(text)) return 'an SVG drawing';
  if (/^<(!doctype html|html|head|body)[\s>]/i.test(text)) return 'an HTML page';
  if (/^\s*[[{]/.test(text)) return 'JSON';
  if (/^data:image\//.test(text)) return 'a data: URL; send the decoded bytes';
  if (/^(iVBORw0KGgo|\/9j\/|UklGR)/.test(text)) return 'Base64 text; send the decoded bytes';
  if (/^--\S+\r?\ncontent-/i.test(text)) return 'a multipart form without its Content-Type';
  return 'text';
}

function startsWith(bytes: Uint8Array, magic: string, at = 0): boolean {
  if (bytes.length < at + magic.length) return false;
  for (let index = 0; index < magic.length; index++) {
    if (bytes[at + index] !== magic.charCodeAt(index)) return false;
  }
  return true;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
