/**
 * HDF5 files as Keras writes them: groups that hold groups and float32 arrays, with texts as attributes.
 *
 * Only the library's default format is used, which every reader knows: a superblock of version 0, groups as symbol tables,
 * contiguous arrays, no compression. Integers are little-endian, addresses count from the start of the file.
 *
 * @see https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html (HDF5 File Format Specification 3.0)
 */
export interface Group {
  readonly attributes: ReadonlyMap<string, string | readonly string[]>;
  readonly children: ReadonlyMap<string, Group | Dataset>;
}

export interface Dataset {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export const signature = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

/** An address or a size that is undefined. */
export const undefinedAddress = 0xffff_ffff_ffff_ffffn;

/** The kinds of messages in an object's header that are used here. */
export const message = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  fillValue: 0x05,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
} as const;

/** IEEE 754 binary32, little-endian, as a datatype message. */
export const float32Type = Buffer.from('11201f000400000000002000170800177f000000', 'hex');

export function isGroup(object: Group | Dataset): object is Group {
  return 'children' in object;
}
