import type { ListedPicture } from '#models/plans/classify-result.ts';
import type { PictureReader, ReadPicture } from './picture-reader.ts';

/** Pictures that are on their way at a time. */
const READ_AHEAD = 64;
/** Bytes of pictures in memory; more than the largest picture and what waits for a batch to be full. */
const BYTES_AHEAD = 128 * 2 ** 20;

/** Pictures that are read before they are asked for, as far as there is room for their bytes. */
export interface ReadAhead {
  readonly pictures: AsyncGenerator<readonly [ListedPicture, ReadPicture]>;
  /** Says that the next picture needs no memory any more. */
  release(): void;
}

/** Reads the pictures of a list, in its order. */
export function readAhead(list: readonly ListedPicture[], reader: PictureReader): ReadAhead {
  let [bytes, released] = [0, 0];
  let onRelease = () => {};
  async function* pictures(): ReadAhead['pictures'] {
    const ahead: (readonly [ListedPicture, Promise<ReadPicture>])[] = [];
    let next = 0;
    for (;;) {
      for (; next < list.length && ahead.length < READ_AHEAD; next++) {
        const picture = list[next]!;
        if (bytes > 0 && bytes + picture.size > BYTES_AHEAD) break;
        bytes += picture.size;
        const read = reader.read(picture);
        read.catch(() => {}); // Thrown when its turn comes.
        ahead.push([picture, read]);
      }
      const first = ahead.shift();
      if (first !== undefined) yield [first[0], await first[1]];
      else if (next === list.length) return;
      else await new Promise<void>((resolve) => (onRelease = resolve));
    }
  }
  return {
    pictures: pictures(),
    release() {
      bytes -= list[released++]!.size;
      onRelease();
    },
  };
}
