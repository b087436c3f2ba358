import type { Card } from '#models/card.ts';
import type { Attempt } from './attempt.ts';

/** Gives the engine the weights that the recipe keeps: those that are measured and published. */
export function loadKeptWeights({
  options,
  engine,
  best,
  progress,
  stepsPerEpoch,
}: Attempt): NonNullable<Card['kept']> {
  if (options.recipe.settings.keep === 'last' || best === undefined) {
    return { weights: 'last', step: progress.step, epoch: progress.step / stepsPerEpoch };
  }
  const weights = new Map(best.weights.map((tensor) => [tensor.name, tensor]));
  engine.restore(engine.state().map((tensor) => weights.get(tensor.name) ?? tensor));
  return { weights: 'best', step: best.step, epoch: best.epoch };
}
