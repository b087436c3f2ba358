import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ImageTransform, inTransformTables, writeTransformed } from '../../../data/augment.ts';
import { random } from '../../../random/random.ts';
import { hasTensorFlow, loadTensorFlow } from '../../tensorflow.ts';
import { Graph } from '../builder/graph.ts';
import { openSession } from '../session.ts';
import { cast, toFloat } from './arithmetic.ts';
import { transformImages } from './transform-images.ts';

const cases = fc
  .record({
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
    channels: fc.integer({ min: 1, max: 4 }),
    count: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
  })
  .chain((given) => {
    const translate = fc.integer({ min: 0, max: Math.min(given.height, given.width) - 1 });
    return translate.chain((largest) => {
      const by = fc.integer({ min: -largest, max: largest });
      const transform: fc.Arbitrary<ImageTransform> = fc.record({ isMirrored: fc.boolean(), down: by, right: by });
      const image = fc.nat({ max: given.count - 1 });
      return fc.record({
        ...(Object.fromEntries(Object.entries(given).map(([key, value]) => [key, fc.constant(value)])) as {
          [Key in keyof typeof given]: fc.Arbitrary<number>;
        }),
        translate: fc.constant(largest),
        batch: fc.array(fc.tuple(image, transform), { minLength: 1, maxLength: 6 }),
      });
    });
  });

test.skipIf(!hasTensorFlow())(
  'images transformed in the graph are those transformed in JavaScript, to the byte',
  async () => {
    const tensorflow = await loadTensorFlow();
    fc.assert(
      fc.property(cases, ({ height, width, channels, count, seed, translate, batch }) => {
        const size = [height, width, channels] as const;
        const bytes = height * width * channels;
        const draw = random(seed);
        const images = Uint8Array.from({ length: count * bytes }, () => draw.integer(256));
        const expected = new Uint8Array(batch.length * bytes);
        for (const [at, [image, transform]] of batch.entries()) {
          writeTransformed(images, image * bytes, expected, at * bytes, size, transform);
        }

        const graph = new Graph({ compileFunctions: false });
        const pixels = graph.variable('pixels', [count * height * width, channels], 'uint8');
        const fed = (['image', 'row', 'column'] as const).map((name) =>
          graph.placeholder(name, [batch.length], 'int32'),
        );
        const [image, row, column] = fed.map((each) => cast(graph, each, 'int64'));
        const transformed = transformImages(graph, {
          pixels,
          size,
          translate,
          image: image!,
          row: row!,
          column: column!,
        });
        const shown = toFloat(graph, transformed); // bytes cannot be fetched
        const session = openSession(tensorflow, graph);
        session.assign([[pixels, images]]);
        const places = batch.map(([at, transform]) => [at, ...Object.values(inTransformTables(transform, translate))]);
        const [made] = session.run(
          fed.map((value, part) => [value, Int32Array.from(places, (place) => place[part]!)]),
          [shown],
        );
        session.dispose();
        expect(transformed.shape).toEqual([batch.length, ...size]);
        expect([...made!]).toEqual([...expected]);
      }),
      { numRuns: 30 },
    );
  },
);
