import { decode } from 'jpeg-js';
import { CorruptImage, UnsupportedFeature } from './image-errors.ts';
import { readOrientation, swapsSides, upright } from './orientation.ts';
import type { RgbImage } from './rgb-image.ts';

/**
 * Decodes baseline and progressive JPEG: grayscale, YCbCr, RGB, and Adobe's CMYK and YCCK, turned upright by the EXIF
 * orientation. The markers are read first, so that files that are too large, too expensive or not decodable are refused before
 * memory is allocated.
 */
export function decodeJpeg(bytes: Uint8Array): RgbImage {
  const header = readJpegHeader(bytes);
  let decoded: RgbImage;
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxMemoryUsageInMB: 256,
      // The decoder treats three components as YCbCr even if Adobe's marker says that they are RGB.
      ...(header.components === 3 && header.adobeTransform === 0 ? { colorTransform: false } : {}),
    });
    decoded = { width, height, pixels: data };
  } catch (error) {
    throw new CorruptImage('JPEG', 'its compressed pixels cannot be read', { cause: error });
  }
  return upright(decoded, header.orientation);
}

export interface JpegHeader {
  /** As shown, after the orientation is applied. */
  readonly width: number;
  readonly height: number;
  readonly components: number;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  /** The transform in Adobe's marker: 0 RGB or CMYK, 1 YCbCr, 2 YCCK. */
  readonly adobeTransform: number | undefined;
}

/** A progressive image can have any number of scans, each over all pixels. Encoders write fewer than this. */
const MAX_SCANS = 64;

/**
 * Reads all markers without decoding.
 *
 * @throws {CorruptImage} the markers are invalid
 * @throws {UnsupportedFeature} lossless, arithmetic or 12-bit coding, or four components without Adobe's marker
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: { width: number; height: number; components: number } | undefined;
  let orientation = 1;
  let adobeTransform: number | undefined;
  let scans = 0;
  for (let offset = 2; ; ) {
    offset = bytes.indexOf(0xff, offset);
    while (offset >= 0 && bytes[offset + 1] === 0xff) offset++; // fill bytes
    if (offset < 0 || offset + 1 >= bytes.length) throw damaged('it ends early');
    const marker = bytes[offset + 1]!;
    offset += 2;
    // Within a scan: a stuffed zero or a restart marker, which have no length.
    if (marker === 0 || (marker >= 0xd0 && marker <= 0xd8) || marker === 0x01) continue;
    if (marker === 0xd9) break;
    if (offset + 2 > bytes.length) throw damaged('it ends early');
    const length = view.getUint16(offset);
    if (length < 2 || offset + length > bytes.length) throw damaged('it ends early');
    const body = bytes.subarray(offset + 2, offset + length);
    if (isFrame(marker)) {
      if (frame) throw damaged('it has two frames');
      frame = readFrame(marker, body);
    } else if (marker === 0xe1 && ascii(body, 0, 6) === 'Exif\0\0') {
      orientation = readOrientation(body.subarray(6)) ?? orientation;
    } else if (marker === 0xee && ascii(body, 0, 5) === 'Adobe') adobeTransform = body[11];
    else if (marker === 0xda) {
      if (!frame) throw damaged('its pixels come before its size');
      scans++;
      if (scans > MAX_SCANS) throw new UnsupportedFeature('JPEG', `more than ${MAX_SCANS} scans`);
    }
    offset += length;
  }
  if (!frame || scans === 0) throw damaged('it has no pixels');
  if (frame.components === 4 && adobeTransform === undefined) {
    throw new UnsupportedFeature('JPEG', "four color components without Adobe's marker");
  }
  const { width, height, components } = frame;
  return swapsSides(orientation)
    ? { width: height, height: width, components, orientation, adobeTransform }
    : { width, height, components, orientation, adobeTransform };
}

/** SOF0 to SOF15, except for DHT, JPG and DAC, whose codes lie among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function readFrame(marker: number, body: Uint8Array): { width: number; height: number; components: number } {
  if (marker > 0xc2) throw new UnsupportedFeature('JPEG', marker > 0xc8 ? 'arithmetic coding' : 'lossless coding');
  if (body.length < 6) throw damaged('its frame header is too short');
  const precision = body[0]!;
  const height = (body[1]! << 8) | body[2]!;
  const width = (body[3]! << 8) | body[4]!;
  const components = body[5]!;
  if (precision !== 8) throw new UnsupportedFeature('JPEG', `${precision} bits per sample`);
  if (width === 0 || height === 0) throw damaged(`its header says ${width}x${height}`);
  if (components !== 1 && components !== 3 && components !== 4) throw damaged(`it has ${components} components`);
  if (body.length < 6 + components * 3) throw damaged('its frame header is too short');
  for (let component = 0; component < components; component++) {
    const sampling = body[6 + component * 3 + 1]!;
    if (sampling >> 4 < 1 || sampling >> 4 > 4 || (sampling & 15) < 1 || (sampling & 15) > 4) {
      throw damaged('its sampling factors are invalid');
    }
  }
  return { width, height, components };
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

function damaged(reason: string): CorruptImage {
  return new CorruptImage('JPEG', reason);
}
