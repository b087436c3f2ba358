import {
  add,
  add4,
  advance,
  type Code,
  define,
  type FunctionWriter,
  float4,
  get,
  i32,
  isLess,
  type Local,
  load4,
  type MultiplyAdd,
  maximum4,
  multiply,
  multiply4,
  repeatWhile,
  set,
  splat,
  store4,
  subtract4,
  when,
} from './assembler.ts';
import { forEach, repeatAlong, vectorBytes } from './loops.ts';
import { REACH, TILE } from './winograd.ts';

/** `G g Gᵀ` of filters, four at a time: from nine planes to 36. */
export const transformFilters = (multiplyAdd: MultiplyAdd) =>
  define(
    'transformFilters',
    { input: 'i32', output: 'i32', plane: 'i32', vectors: 'i32' },
    (writer, { input, output, plane, vectors }) => {
      const [at, out] = [writer.local('i32'), writer.local('i32')];
      const window = grid(writer, 3, 3);
      const columns = grid(writer, REACH, 3);
      const [common = []] = grid(writer, 1, 2);
      writer.emit(
        repeatAlong(
          vectors,
          [
            [input, vectorBytes],
            [output, vectorBytes],
          ],
          set(at, get(input)),
          window.flat().map((value) => [set(value, load4(get(at))), advance(at, get(plane))]),
          window.map((_, x) => {
            const line = window.map((row) => row[x]!);
            return ofFilter(multiplyAdd, line, common).map((value, y) => set(columns[y]![x]!, value));
          }),
          set(out, get(output)),
          columns.map((row) =>
            ofFilter(multiplyAdd, row, common).map((value) => [store4(get(out), value), advance(out, get(plane))]),
          ),
        ),
      );
    },
  );

/**
 * `Bᵀ d B` of each tile, four channels at a time, written to 36 planes `[tiles][channels]`. Whole tiles must be readable: the
 * feature map is padded with zeros as far as its last tile reaches.
 */
export const transformInput = (multiplyAdd: MultiplyAdd) =>
  define(
    'transformInput',
    {
      ...{ input: 'i32', tileRows: 'i32', inputRow: 'i32', tileColumns: 'i32', inputPixel: 'i32', vectors: 'i32' },
      ...{ output: 'i32', plane: 'i32', outputTile: 'i32' },
    },
    (writer, { input, tileRows, inputRow, tileColumns, inputPixel, vectors, output, plane, outputTile }) => {
      const [atRow, at, out] = [writer.local('i32'), writer.local('i32'), writer.local('i32')];
      const values = grid(writer, REACH, REACH);
      const [common = [], temporary = []] = grid(writer, 2, REACH);
      const tile = (inVector: Local, outVector: Local): Code => [
        set(atRow, get(inVector)),
        values.map((row) => [
          set(at, get(atRow)),
          row.map((value) => [set(value, load4(get(at))), advance(at, get(inputPixel))]),
          advance(atRow, get(inputRow)),
        ]),
        // Columns in place, then rows, each stored when it is computed.
        values.map((_, x) => {
          const line = values.map((row) => row[x]!);
          return overwrite(temporary, line, before(multiplyAdd, line, common));
        }),
        set(out, get(outVector)),
        values.map((row) =>
          before(multiplyAdd, row, common).map((value) => [store4(get(out), value), advance(out, get(plane))]),
        ),
      ];
      writer.emit(
        repeatAlong(
          tileRows,
          [[input, multiply(get(inputRow), i32(TILE))]],
          forEach(writer, get(tileColumns), [[get(input), multiply(get(inputPixel), i32(TILE))]], (inTile) => [
            forEach(
              writer,
              get(vectors),
              [
                [get(inTile!), vectorBytes],
                [get(output), vectorBytes],
              ],
              (inVector, outVector) => tile(inVector!, outVector!),
            ),
            advance(output, get(outputTile)),
          ]),
        ),
      );
    },
  );

/** `Aᵀ m A` of each tile, plus the bias, at least `lower`; pixels outside the feature map are not written. */
export const transformOutput = (multiplyAdd: MultiplyAdd) =>
  define(
    'transformOutput',
    {
      ...{ input: 'i32', plane: 'i32', inputTile: 'i32', bias: 'i32', vectors: 'i32' },
      ...{ output: 'i32', rows: 'i32', outputRow: 'i32', columns: 'i32', outputPixel: 'i32', lower: 'f32' },
    },
    (writer, parameters) => {
      const { input, plane, inputTile, bias, vectors, output, rows, outputRow, columns, outputPixel, lower } =
        parameters;
      const [column, outTile, at, out] = [local(), local(), local(), local()];
      const values = grid(writer, REACH, REACH);
      const [common = [], temporary = [], [biasValue, least] = []] = grid(writer, 3, REACH);
      const tile = (inVector: Local, outVector: Local, biasAt: Local): Code => [
        set(at, get(inVector)),
        values.flat().map((value) => [set(value, load4(get(at))), advance(at, get(plane))]),
        values.map((_, x) => {
          const line = values.map((row) => row[x]!);
          return overwrite(temporary, line, after(multiplyAdd, line, common));
        }),
        set(biasValue!, load4(get(biasAt))),
        values.slice(0, TILE).map((row, y) =>
          when(isLess(i32(y), get(rows)), [
            set(out, add(get(outVector), multiply(get(outputRow), i32(y)))),
            // The first value is always stored; it also computes what the others share.
            after(multiplyAdd, row, common).map((value, x) => [
              when(isLess(i32(x), get(column)), store4(get(out), maximum4(add4(value, get(biasValue!)), get(least!)))),
              advance(out, get(outputPixel)),
            ]),
          ]),
        ),
      ];
      writer.emit(
        set(least!, splat(get(lower))),
        whileLeft(rows, [
          set(column, get(columns)),
          set(outTile, get(output)),
          whileLeft(column, [
            forEach(
              writer,
              get(vectors),
              [
                [get(input), vectorBytes],
                [get(outTile), vectorBytes],
                [get(bias), vectorBytes],
              ],
              (inVector, outVector, biasAt) => tile(inVector!, outVector!, biasAt!),
            ),
            advance(input, get(inputTile)),
            advance(outTile, multiply(get(outputPixel), i32(TILE))),
          ]),
          advance(output, multiply(get(outputRow), i32(TILE))),
        ]),
      );

      function local(): Local {
        return writer.local('i32');
      }
    },
  );

/** Runs `body` once for each tile that begins within `left` pixels; at least once. */
function whileLeft(left: Local, body: Code): Code {
  return repeatWhile([advance(left, i32(-TILE)), isLess(i32(0), get(left))], body);
}

function grid(writer: FunctionWriter, rows: number, columns: number): Local[][] {
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => writer.local('v128')));
}

/** Computes all results before it overwrites their operands; fewer results overwrite the beginning of the line. */
function overwrite(temporary: readonly Local[], line: readonly Local[], results: readonly Code[]): Code {
  return [
    results.map((result, index) => set(temporary[index]!, result)),
    results.map((_, index) => set(line[index]!, get(temporary[index]!))),
  ];
}

/** One line of `G g`: six values of three. The first one computes what the others share. */
function ofFilter(multiplyAdd: MultiplyAdd, g: readonly Local[], common: readonly Local[]): Code[] {
  const [near, far] = common as [Local, Local];
  const value = (index: number) => get(g[index]!);
  const scaled = (factor: number, of: Code) => multiply4(of, float4(factor));
  return [
    [
      set(near, add4(value(0), value(2))),
      set(far, multiplyAdd(value(0), float4(1 / 24), scaled(1 / 6, value(2)))),
      scaled(1 / 4, value(0)),
    ],
    scaled(-1 / 6, add4(get(near), value(1))),
    scaled(-1 / 6, subtract4(get(near), value(1))),
    multiplyAdd(value(1), float4(1 / 12), get(far)),
    multiplyAdd(value(1), float4(-1 / 12), get(far)),
    value(2),
  ];
}

/** One line of `Bᵀ d`: six values of six. The first one computes what the others share. */
function before(multiplyAdd: MultiplyAdd, d: readonly Local[], common: readonly Local[]): Code[] {
  const [even, odd, evenFar, oddFar] = common as [Local, Local, Local, Local];
  const value = (index: number) => get(d[index]!);
  const times = (factor: number, index: number, rest: Code) => multiplyAdd(value(index), float4(factor), rest);
  return [
    [
      set(even, times(-4, 2, value(4))),
      set(odd, times(-4, 1, value(3))),
      set(evenFar, subtract4(value(4), value(2))),
      set(oddFar, subtract4(value(3), value(1))),
      times(4, 0, times(-5, 2, value(4))),
    ],
    add4(get(even), get(odd)),
    subtract4(get(even), get(odd)),
    multiplyAdd(get(oddFar), float4(2), get(evenFar)),
    multiplyAdd(get(oddFar), float4(-2), get(evenFar)),
    times(4, 1, times(-5, 3, value(5))),
  ];
}

/** One line of `Aᵀ m`: four values of six. The first one computes what the others share. */
function after(multiplyAdd: MultiplyAdd, m: readonly Local[], common: readonly Local[]): Code[] {
  const [sum, difference, sumFar, differenceFar] = common as [Local, Local, Local, Local];
  const value = (index: number) => get(m[index]!);
  return [
    [
      set(sum, add4(value(1), value(2))),
      set(difference, subtract4(value(1), value(2))),
      set(sumFar, add4(value(3), value(4))),
      set(differenceFar, subtract4(value(3), value(4))),
      add4(add4(value(0), get(sum)), get(sumFar)),
    ],
    multiplyAdd(get(differenceFar), float4(2), get(difference)),
    multiplyAdd(get(sumFar), float4(4), get(sum)),
    add4(multiplyAdd(get(differenceFar), float4(8), get(difference)), value(5)),
  ];
}
