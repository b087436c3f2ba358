import { Message } from '../../protobuf/message.ts';
import { crc32c } from './crc32c.ts';
import { type Session, sessionSummaries } from './session.ts';

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
 * @param session for the tab HParams. @default none
 *
 * @see tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto
 */
export function encodeEventFile(scalars: readonly Scalar[], wallTime: number, session?: Session): Uint8Array {
  const version = new Message().double(1, wallTime).text(3, 'brain.Event:2');
  const start = 1; // SessionLog.START
  const restart = new Message().double(1, wallTime).number(2, 0).message(7, new Message().number(1, start));
  // The end comes last, so that what a reader has read stays the start of the file.
  const [begin, ...end] = (session ? sessionSummaries(session) : []).map((value) =>
    new Message().double(1, wallTime).message(5, new Message().message(1, value)),
  );
  const events = [version, restart, ...(begin ? [begin] : []), ...scalars.map(scalarEvent), ...end];
  return Buffer.concat(events.map((event) => record(event.encode())));
}

function scalarEvent({ tag, step, value, wallTime }: Scalar): Message {
  const summary = new Message().message(1, new Message().text(1, tag).float(2, value));
  return new Message().double(1, wallTime).number(2, step).message(5, summary);
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
