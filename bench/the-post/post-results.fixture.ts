import type { PostResult } from './post-results.ts';

/**
 * Made-up results, no measurement: two seeds of 200 epochs, whose held-out loss falls to 0.65 at epoch 150 and rises again. The
 * second seed is 0.01 better in both measures.
 */
export function madeUpResults(): PostResult[] {
  const lossAt = (epoch: number) => 0.65 + Math.abs(epoch - 150) / 1000;
  return [1, 2].map((seed) => {
    const better = (seed - 1) / 100;
    const pairAt = (epoch: number) => ({
      accuracy: 0.77 + epoch / 20_000 + better,
      loss: lossAt(epoch) - better,
    });
    return {
      ...{ command: 'made up', commit: 'none', host: { cpu: 'none', cores: 2 }, seed },
      epochs: Array.from({ length: 200 }, (_, index) => ({
        epoch: index + 1,
        loss: 1.5 / (1 + index),
        heldOut: pairAt(index + 1),
        trainingSeconds: 8 * (index + 1),
      })),
      test: [100, 150, 200].map((epoch) => ({ epoch, ...pairAt(epoch) })),
    };
  });
}
