import { add, define, get, i32, type Local, load4, type MultiplyAdd, set, store4 } from './assembler.ts';
import { forEach, repeatAlong, vectorBytes } from './loops.ts';

/** `x scale + shift` in place; all pixels have the same `scale` and `shift`, one for each channel. */
export const affine = (multiplyAdd: MultiplyAdd) =>
  define(
    'affine',
    { address: 'i32', pixels: 'i32', pixelStride: 'i32', vectors: 'i32', scale: 'i32', shift: 'i32' },
    (writer, { address, pixels, pixelStride, vectors, scale, shift }) => {
      const at = writer.local('i32');
      writer.emit(
        repeatAlong(
          pixels,
          [[address, get(pixelStride)]],
          forEach(writer, get(vectors), [[i32(0), vectorBytes]], (offset) => {
            const constants = (of: Local) => load4(add(get(of), get(offset!)));
            return [
              set(at, add(get(address), get(offset!))),
              store4(get(at), multiplyAdd(load4(get(at)), constants(scale), constants(shift))),
            ];
          }),
        ),
      );
    },
  );
