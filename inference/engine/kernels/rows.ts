import { add4, type Code, define, get, load4, store4 } from './assembler.ts';
import { forEach, repeatAlong, vectorBytes } from './loops.ts';

/** Copies a feature map to one with other margins. */
export const copy = rowByRow('copy', (at) => load4(at.input));

/** Adds a feature map to another. */
export const accumulate = rowByRow('accumulate', (at) => add4(load4(at.input), load4(at.output)));

/** Each value becomes a function of itself and of the input's value. */
function rowByRow(name: string, value: (at: { readonly input: Code; readonly output: Code }) => Code) {
  return define(
    name,
    { input: 'i32', inputRow: 'i32', output: 'i32', outputRow: 'i32', rows: 'i32', vectors: 'i32' },
    (writer, { input, inputRow, output, outputRow, rows, vectors }) => {
      writer.emit(
        repeatAlong(
          rows,
          [
            [input, get(inputRow)],
            [output, get(outputRow)],
          ],
          forEach(
            writer,
            get(vectors),
            [
              [get(input), vectorBytes],
              [get(output), vectorBytes],
            ],
            (from, to) => store4(get(to!), value({ input: get(from!), output: get(to!) })),
          ),
        ),
      );
    },
  );
}
