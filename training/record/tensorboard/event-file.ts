import { crc32c } from './crc32c.ts';

/** A value at a step of a run. */
export interface Scalar {
  /** TensorBoard groups tags by the part before the slash. */
  readonly tag: string;
  /** Whole. */
  readonly step: number;
  /** Stored in single precision. */
  readonly value: number;
  /** Seconds since 1970. */
  readonly wallTime: number;
}

/**
 * Encodes an event file for TensorBoard: TFRecords of `Event` messages. It starts with a restart marker, so that a reader
 * discards earlier files of the run.
 *
 * @see tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto
 */
export function encodeEventFile(scalars: readonly Scalar[], wallTime: number): Uint8Array {
  const version = [double(1, wallTime), text(3, 'brain.Event:2')];
  const start = 1; // SessionLog.START
  const restart = [double(1, wallTime), integer(2, 0), message(7, [integer(1, start)])];
  return Buffer.concat([version, restart, ...scalars.map(scalarEvent)].map((fields) => record(Buffer.concat(fields))));
}

function scalarEvent({ tag, step, value, wallTime }: Scalar): Buffer[] {
  return [double(1, wallTime), integer(2, step), message(5, [message(1, [text(1, tag), float(2, value)])])];
}

/** A TFRecord: the length and its checksum, the data and its checksum. @see tensorflow/core/lib/io/record_writer.h */
function record(data: Uint8Array): Buffer {
  const framed = Buffer.alloc(12 + data.length + 4);
  framed.writeBigUInt64LE(BigInt(data.length), 0);
  framed.writeUInt32LE(masked(crc32c(framed.subarray(0, 8))), 8);
  framed.set(data, 12);
  framed.writeUInt32LE(masked(crc32c(data)), 12 + data.length);
  return framed;
}

/** Masks a checksum: a CRC of data that contains CRCs is weak. */
function masked(checksum: number): number {
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}

/** Wire types of protocol buffers. */
const wire = { varint: 0, eightBytes: 1, sized: 2, fourBytes: 5 } as const;

function key(field: number, type: number): Buffer {
  return Buffer.of((field << 3) | type);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([key(field, wire.varint), varint(value)]);
}

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, wire.eightBytes), bytes]);
}

function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, wire.fourBytes), bytes]);
}

function text(field: number, value: string): Buffer {
  return message(field, [Buffer.from(value)]);
}

function message(field: number, content: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(content);
  return Buffer.concat([key(field, wire.sized), varint(bytes.length), bytes]);
}

/** Seven bits per byte, the lowest first; the last byte is below 128. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.of(...bytes, rest);
    bytes.push((rest % 128) | 128);
  }
}
