import { expect, test } from 'vitest';
import { hasTensorFlow, loadTensorFlow } from '../../tensorflow.ts';
import { Graph } from '../builder/graph.ts';
import { openSession } from '../session.ts';
import { reduceImages } from './reduce-images.ts';

test.skipIf(!hasTensorFlow())(
  'images are reduced as a whole: what grows from pixel to pixel grows as evenly',
  async () => {
    const side = 32;
    const images = new Uint8Array(2 * side * side * 3); // Of the second image 3 is the number of rows, and 4 of columns, plus channel.
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        for (const channel of [0, 1, 2]) {
          images[((side + row) * side + column) * 3 + channel] = 3 * row + 4 * column + channel;
        }
      }
    }
    const graph = new Graph({ compileFunctions: false });
    const given = graph.placeholder('images', [2, side, side, 3], 'uint8');
    const reduced = reduceImages(graph, given, [24, 24, 3]);
    expect(() => reduceImages(graph, given, [33, 32, 3])).toThrow(/cannot be reduced to 33x32/);
    const session = openSession(await loadTensorFlow(), graph);
    const [values] = session.run([[given, images]], [reduced]);
    session.dispose();
    // The middle of a pixel of 24 lies at this place among the 32.
    const place = (index: number) => ((index + 0.5) * side) / 24 - 0.5;
    for (let at = 0; at < 24 * 24 * 3; at++) {
      const [row, column, channel] = [Math.floor(at / 72), Math.floor(at / 3) % 24, at % 3];
      expect(values![at]).toBe(0);
      expect(values![24 * 24 * 3 + at]).toBeCloseTo(3 * place(row) + 4 * place(column) + channel, 4);
    }
  },
);
