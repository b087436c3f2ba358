import { describe, expect, it } from 'vitest';
import { Card } from './card.ts';
import { exampleCard } from './example-version.ts';
import { checked, decodeJson, encodeJson } from './json.ts';

const card = exampleCard();

describe('a card', () => {
  it('survives being written', () => {
    expect(decodeJson(Card, encodeJson(card), 'card.json')).toEqual(card);
    const measured = { ...card, calibration: { before: 0.08, after: 0.01 } };
    expect(decodeJson(Card, encodeJson(measured), 'card.json')).toEqual(measured);
  });

  it.each([
    ['an accuracy in percent', { ...card, accuracy: { ...card.accuracy, tta: 85 } }, 'accuracy.tta'],
    [
      'an accuracy that is not a number',
      { ...card, accuracy: { ...card.accuracy, plain: Number.NaN } },
      'accuracy.plain',
    ],
    [
      'an accuracy outside of its interval',
      { ...card, accuracy: { ...card.accuracy, interval95: [0.1, 0.2] } },
      'accuracy.interval95',
    ],
    [
      'a class without an accuracy',
      { ...card, accuracy: { ...card.accuracy, perClass: { cat: 1 } } },
      'accuracy.perClass',
    ],
    ['a class that occurs twice', { ...card, classes: ['cat', 'cat'] }, 'classes'],
    ['a single class', { ...card, classes: ['cat'] }, 'classes'],
    [
      'an unfamiliar without a limit',
      { ...card, unfamiliar: { energy: { mean: 1, deviation: 1 }, images: 100, share: 0.02 } },
      'unfamiliar.texture',
    ],
    ['half a calibration', { ...card, calibration: { before: 0.1 } }, 'calibration.after'],
    ['a temperature of zero', { ...card, temperature: 0 }, 'temperature'],
    ['an input in [0, 1]', { ...card, input: { ...card.input, range: [0, 1] } }, 'input.range.1'],
    ['a date without a time', { ...card, createdAt: '2026-11-23' }, 'createdAt'],
    ['a digest that is cut off', { ...card, data: { ...card.data, sha256: { train: 'abc' } } }, 'data.sha256.train'],
    ['a member that is missing', { ...card, license: undefined }, 'license'],
  ])('is refused with %s, by the name of the member', (_what, wrong, member) => {
    expect(() => checked(Card, wrong, 'card.json')).toThrow(`card.json is malformed: ${member}`);
  });

  it('is refused if it was cut off', () => {
    expect(() => decodeJson(Card, encodeJson(card).slice(0, 100), 'card.json')).toThrow(
      'card.json is malformed: it is not JSON',
    );
  });
});
