import { createHash } from 'node:crypto';
import { type PackedData, type PackedSplit, putPackedData } from '#models/packed-data.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { type Dataset, defaultForm, type ImageForm, type LoadOptions, type Split } from '../../data/dataset.ts';

/** What a transfer that breaks off repeats, and what a reader holds beside the images. */
const PART = 32 * 1024 * 1024;

interface PackOptions extends Pick<LoadOptions, 'progress'> {
  /** The form that the pictures were opened in. @default defaultForm */
  readonly image?: ImageForm;
  /** Bytes of a part. @default 32 MiB */
  readonly partBytes?: number;
}

/**
 * Puts a data set into a store, once, so that other machines can train on it.
 *
 * @returns its folder in the store, `data/<name>/<sha256>`, the same for the same images
 */
export async function packDataset(
  store: ObjectStore,
  data: Dataset,
  { image = defaultForm, partBytes = PART, progress }: PackOptions = {},
): Promise<string> {
  const { name, title, sha256, classes, images, heldOut, heldOutImages = 'stratified' } = data;
  const bytes = { train: bytesOf(data.train), test: bytesOf(data.test) };
  const packed: PackedData = {
    ...{ name, sha256, title, classes: [...classes] },
    images: {
      size: [...images.size],
      fit: image.fit,
      mean: [...images.mean],
      deviation: [...images.deviation],
    },
    labelBytes: data.train.labels.BYTES_PER_ELEMENT as 1 | 2,
    heldOutImages,
    ...(heldOut !== undefined && { heldOut }),
    train: describe(data.train.count, bytes.train, partBytes),
    test: describe(data.test.count, bytes.test, partBytes),
  };
  const onPart = (done: number, all: number) =>
    progress?.(`putting ${title} into ${store.url}: part ${done} of ${all}`);
  return putPackedData(store, packed, (split, part) => partOf(bytes[split], part, partBytes), onPart);
}

/** Labels and then pixels; joined only where a part has both. */
type Bytes = readonly [labels: Uint8Array, images: Uint8Array];

function bytesOf({ labels, images }: Split): Bytes {
  return [new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength), images];
}

function partOf([labels, images]: Bytes, part: number, partBytes: number): Uint8Array {
  const [from, to] = [part * partBytes, (part + 1) * partBytes];
  const ends = labels.length;
  return Buffer.concat([
    labels.subarray(Math.min(from, ends), Math.min(to, ends)),
    images.subarray(Math.max(0, from - ends), Math.max(0, to - ends)),
  ]);
}

function describe(count: number, bytes: Bytes, partBytes: number): PackedSplit {
  const parts = Math.ceil((bytes[0].length + bytes[1].length) / partBytes);
  return {
    count,
    parts: Array.from({ length: parts }, (_, index) => {
      const part = partOf(bytes, index, partBytes);
      return { bytes: part.length, sha256: createHash('sha256').update(part).digest('hex') };
    }),
  };
}
