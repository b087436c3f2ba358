import fc from 'fast-check';
import { expect, test } from 'vitest';
import { numbersOf, numbersPerTransform, transformsOfEpoch, writeTransformed } from '../../../data/augment.ts';
import { type Augmentation, kindsOf } from '../../../data/augmentation.ts';
import { random } from '../../../random/random.ts';
import { hasTensorFlow, loadTensorFlow } from '../../tensorflow.ts';
import { Graph } from '../builder/graph.ts';
import { openSession } from '../session.ts';
import { cast, toFloat } from './arithmetic.ts';
import { transformImages } from './transform-images.ts';

/** Images of a split, with an augmentation; those of three channels may be recolored. */
const cases = fc
  .record({
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
    count: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
    epoch: fc.nat({ max: 9 }),
    randomCrop: fc.constantFrom(0, 0.08, 0.5),
    verticalFlip: fc.constantFrom('none', 'random'),
    zoom: fc.constantFrom([0, 0], [0.5, 0], [0.2, 1]) as fc.Arbitrary<readonly [number, number]>,
    rotate: fc.constantFrom(0, 15, 180),
    randAugment: fc.constantFrom([0, 0], [2, 9], [4, 30]) as fc.Arbitrary<readonly [number, number]>,
    colorJitter: fc.constantFrom([0, 0, 0, 0], [0.4, 0.4, 0.4, 0.1], [1, 1, 1, 0.5]) as fc.Arbitrary<
      readonly [number, number, number, number]
    >,
    cutout: fc.constantFrom(0, 0.3, 1),
    otherChannels: fc.integer({ min: 1, max: 4 }),
  })
  .chain((given) => {
    const { isRecolored } = kindsOf({ flip: 'none', translate: 0, ...given });
    return fc.record({
      given: fc.constant({ ...given, channels: isRecolored ? 3 : given.otherChannels }),
      translate: fc.integer({ min: 0, max: Math.min(given.height, given.width) - 1 }),
      batch: fc.array(fc.nat({ max: given.count - 1 }), { minLength: 1, maxLength: 6 }),
    });
  });

test.skipIf(!hasTensorFlow())(
  'images transformed in the graph are those transformed in JavaScript, to the byte',
  async () => {
    const tensorflow = await loadTensorFlow();
    fc.assert(
      fc.property(cases, ({ given, translate, batch }) => {
        const { height, width, channels, count, seed, epoch } = given;
        const augmentation: Augmentation = { ...given, flip: 'random', translate };
        const size = [height, width, channels] as const;
        const bytes = height * width * channels;
        const draw = random(seed);
        const images = Uint8Array.from({ length: count * bytes }, () => draw.integer(256));
        const transformOf = transformsOfEpoch(augmentation, { split: { count, images }, imageSize: size, seed, epoch });
        const transforms = batch.map(transformOf);
        const expected = new Uint8Array(batch.length * bytes);
        for (const [at, image] of batch.entries()) {
          writeTransformed(images, image * bytes, expected, at * bytes, size, transforms[at]!);
        }

        const graph = new Graph({ compileFunctions: false });
        const pixels = graph.variable('pixels', [count * height * width, channels], 'uint8');
        const image = graph.placeholder('image', [batch.length], 'int32');
        const numbers = Array.from({ length: numbersPerTransform(augmentation) }, (_, number) =>
          graph.placeholder(`number_${number}`, [batch.length]),
        );
        const transformed = transformImages(graph, {
          ...{ pixels, size, augmentation, numbers },
          image: cast(graph, image, 'int64'),
        });
        const shown = toFloat(graph, transformed); // bytes cannot be fetched
        const session = openSession(tensorflow, graph);
        session.assign([[pixels, images]]);
        const drawn = transforms.map((transform) => numbersOf(transform, translate));
        const [made] = session.run(
          [
            [image, Int32Array.from(batch)],
            ...numbers.map((value, number) => [value, Float32Array.from(drawn, (each) => each[number]!)] as const),
          ],
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
