import {
  add4,
  type Code,
  define,
  divide4,
  float4,
  get,
  load4,
  maximum4,
  multiply,
  set,
  splat,
  store4,
  toFloat,
} from './assembler.ts';
import { forEach, repeatAlong, vectorBytes } from './loops.ts';

/** How a window's pixels become one value. */
interface Pooling {
  /** The value to begin with, given the address of the window's first pixel. */
  readonly begin: (first: Code) => Code;
  readonly combine: (value: Code, pixel: Code) => Code;
  /** @param count pixels of the window */
  readonly finish: (value: Code, count: Code) => Code;
}

export const maxPool = pooling('maxPool', {
  begin: (first) => load4(first),
  combine: maximum4,
  finish: (largest) => largest,
});

export const averagePool = pooling('averagePool', {
  begin: () => float4(0),
  combine: add4,
  finish: (sum, count) => divide4(sum, splat(toFloat(count))),
});

/** One value for each window, four channels at a time. */
function pooling(name: string, { begin, combine, finish }: Pooling) {
  return define(
    name,
    {
      ...{ input: 'i32', rows: 'i32', inputRow: 'i32', pixels: 'i32', inputPixel: 'i32' },
      ...{ windowRows: 'i32', windowRow: 'i32', windowPixels: 'i32', windowPixel: 'i32' },
      ...{ vectors: 'i32', output: 'i32', outputRow: 'i32', outputPixel: 'i32' },
    },
    (writer, parameters) => {
      const { input, rows, inputRow, pixels, inputPixel, windowRows, windowRow, windowPixels } = parameters;
      const { windowPixel, vectors, output, outputRow, outputPixel } = parameters;
      writer.emit(
        repeatAlong(
          rows,
          [
            [input, get(inputRow)],
            [output, get(outputRow)],
          ],
          forEach(
            writer,
            get(pixels),
            [
              [get(input), get(inputPixel)],
              [get(output), get(outputPixel)],
            ],
            (inPixel, outPixel) =>
              forEach(
                writer,
                get(vectors),
                [
                  [get(inPixel!), vectorBytes],
                  [get(outPixel!), vectorBytes],
                ],
                (inVector, outVector) => {
                  const value = writer.local('v128');
                  return [
                    set(value, begin(get(inVector!))),
                    forEach(writer, get(windowRows), [[get(inVector!), get(windowRow)]], (atRow) =>
                      forEach(writer, get(windowPixels), [[get(atRow!), get(windowPixel)]], (at) =>
                        set(value, combine(get(value), load4(get(at!)))),
                      ),
                    ),
                    store4(get(outVector!), finish(get(value), multiply(get(windowRows), get(windowPixels)))),
                  ];
                },
              ),
          ),
        ),
      );
    },
  );
}
