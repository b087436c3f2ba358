import { isDeepStrictEqual } from 'node:util';
import type { Recipe } from './recipes.ts';

/** Names in `args.json`, `card.json` and the metadata of exported weights, where they differ from today's. */
const storedNames: Partial<Record<keyof Recipe, string>> = { translate: 'shift', batchPreparation: 'batches' };
const currentNames = Object.fromEntries(Object.entries(storedNames).map(([current, stored]) => [stored, current]));

/**
 * Settings that came later, with the values that change nothing. With those they are not stored, so that earlier runs resume and
 * what is stored keeps its bytes.
 */
const laterSettings: Partial<Recipe> = {
  ...{ imageSize: 32, fit: 'crop' },
  ...{ freeze: 'none', probeEpochs: 0, bodyLearningRate: 1 },
  ...{ classWeights: 'none', randomCrop: 0, randAugment: [0, 0], colorJitter: [0, 0, 0, 0], cutout: 0 },
  ...{ verticalFlip: 'none', zoom: [0, 0], rotate: 0, standardize: 'default', whitening: 'on', views: 'plain' },
  ...{ activation: 'default', dropout: 'default', batchNormalization: 'default', logitScale: 'default' },
  ...{ floorLast: 0, lowerAt: [0.5, 0.75], lowerBy: 0.1, lowerPatience: 10 },
  ...{ lookaheadDecay: 0, lookaheadLast: 1, averageLast: 0, averageDecay: 0 },
  ...{ resolutions: 'whole', filterGradient: 'convolution', convolutions: 'direct' },
};

/** Settings that say which net it is: weights fit one where all of these are the same. */
export const netSettings = ['net', 'widths', 'activation', 'batchNormalization', 'logitScale', 'standardize'] as const;

/** Settings as they are stored: under the stored names, in the order of the recipe. */
export function storedSettings(settings: Partial<Recipe>): Record<string, unknown> {
  const decisive = Object.entries(settings).filter(
    ([name, value]) => !isDeepStrictEqual(value, laterSettings[name as keyof Recipe]),
  );
  return renamed(Object.fromEntries(decisive), storedNames);
}

/** Stored settings under their current names. Those of an older release may lack some, or have others. */
export function fromStoredSettings(stored: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...laterSettings, ...renamed(stored, currentNames) };
}

/** The current name of a stored setting. */
export function settingNameOf(stored: string): string {
  return currentNames[stored] ?? stored;
}

function renamed(settings: object, names: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [names[name] ?? name, value]));
}
