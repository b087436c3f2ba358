import { bucketReader } from './bucket-reader.ts';
import { fileReader } from './file-reader.ts';
import type { PictureReader } from './picture-reader.ts';

/** Reads files of this machine by their paths, and objects by `s3://<bucket>/<key>`. */
export function openPictureReader(): PictureReader {
  const files = fileReader();
  let buckets: PictureReader | undefined;
  return {
    read: (picture) => {
      if (!picture.file.startsWith('s3://')) return files.read(picture);
      buckets ??= bucketReader();
      return buckets.read(picture);
    },
    refusal: () => buckets?.refusal(),
    close: () => buckets?.close(),
  };
}
