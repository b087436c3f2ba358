import { crc32, deflateRawSync } from 'node:zlib';

/** An entry of a zip that says of itself what it is told to. */
export interface ZipFile {
  readonly body: Uint8Array | string;
  /** Unix mode, such as that of a link. @default that of a file */
  readonly mode?: number;
  /** @default 0 */
  readonly flags?: number;
  /** @default 8, deflated */
  readonly method?: number;
  /** @default that of the body */
  readonly crc?: number;
}

/** A zip, byte by byte: for what no program would write. */
export function zipOf(files: Readonly<Record<string, Uint8Array | string | ZipFile>>): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, given] of Object.entries(files)) {
    const file: ZipFile = typeof given === 'object' && 'body' in given ? given : { body: given };
    const { mode = 0o100644, flags = 0, method = 8 } = file;
    const body = Buffer.from(file.body);
    const packed = deflateRawSync(body);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(file.crc ?? crc32(body), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(body.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(mode * 0x10000, 6);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.of(20, 3), common, rest, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end]);
}
