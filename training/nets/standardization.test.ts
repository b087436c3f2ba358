import { expect, test } from 'vitest';
import { cifar10Images } from '../data/image-set.ts';
import { netNames } from '../recipe/nets.ts';
import { netOf, recipes } from '../recipe/recipes.ts';

const { mean, deviation } = cifar10Images;
const [zeros, ones] = [
  [0, 0, 0],
  [1, 1, 1],
];

test.each(netNames)('the input of %s is standardized or divided by 255, and nothing else of it changes', (net) => {
  const [own, on, off] = (['default', 'on', 'off'] as const).map(
    (standardize) => netOf({ ...recipes.minute, net, standardize }).layers,
  );
  expect(on![0]).toMatchObject({ kind: 'normalization', mean, deviation });
  expect(off![0]).toMatchObject({ kind: 'normalization', mean: zeros, deviation: ones });
  expect(own![0]).toEqual(net === 'seed' ? off![0] : on![0]);
  expect([on!.slice(1), off!.slice(1)]).toEqual([own!.slice(1), own!.slice(1)]);
});
