import { expect, test } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { checkSettings } from './check-settings.ts';
import { recipes } from './recipes.ts';
import { resolveRecipe } from './settings.ts';

test.each([
  [['lookahead=5', 'averageLast=0.5'], 'lookahead=5 and averageLast=0.5 each keep an average'],
  [['averageDecay=0.99'], 'averageDecay=0.99 is of an average of the weights, and averageLast=0 keeps none'],
  [['lookaheadDecay=0.7'], 'lookaheadDecay=0.7 is of the slow average of the weights, and lookahead=0 keeps none'],
  [['lookaheadLast=0.1'], 'lookaheadLast=0.1 is of the slow average of the weights, and lookahead=0 keeps none'],
  [['schedule=one-cycle', 'peak=0.6'], 'Set peak above 0, up to 0.5'],
  [['schedule=one-cycle', 'peak=0.4', 'floorLast=0.3'], 'so that twice peak and floorLast are 1 together at most'],
  [['schedule=cosine', 'peak=0.8', 'floorLast=0.3'], 'so that peak and floorLast are 1 together at most'],
  [['schedule=plateau', 'heldOut=0'], 'schedule=plateau is decided on held-out images, and heldOut=0'],
])('%j are refused', (changes, message) => {
  const refused = () => checkSettings(resolveRecipe('tiny', changes).settings);
  expect(refused).toThrow(UsageError);
  expect(refused).toThrow(message);
});

test('settings that go together are not, nor those of any recipe', () => {
  for (const changes of [
    ['averageLast=1', 'averageDecay=0.97'],
    ['lookahead=4', 'lookaheadDecay=0.7', 'lookaheadLast=0.08', 'floorLast=0.05'],
    ['schedule=one-cycle', 'peak=0.45', 'floorLast=0.1'],
    ['schedule=step', 'peak=0.8', 'floorLast=0.3'],
  ]) {
    expect(() => checkSettings(resolveRecipe('tiny', changes).settings), `${changes}`).not.toThrow();
  }
  for (const recipe of Object.values(recipes)) expect(() => checkSettings(recipe)).not.toThrow();
});
