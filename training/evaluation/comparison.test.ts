import { expect, test } from 'vitest';
import type { Split } from '../data/dataset.ts';
import { compare } from './comparison.ts';

const classes = ['ant', 'bee', 'cow', 'dog', 'eel', 'fox', 'gnu'];
const labels = Uint8Array.from({ length: 700 }, (_, image) => image % 7);
const test700: Split = { count: 700, labels, images: new Uint8Array(700) };

/** Answers that are wrong for the first `many` images. */
const wrongFor = (many: number) => labels.map((label, image) => (image < many ? (label + 1) % 7 : label));
const comparison = (first: Uint8Array, second: Uint8Array) =>
  compare(
    { version: 'a', answers: first },
    { version: 'b', alias: 'candidate', answers: second },
    { title: 'Animals', test: test700, classes },
  );

test('names the better one where chance does not explain it, whichever it is', () => {
  expect(comparison(wrongFor(70), wrongFor(35)).verdict).toMatch(
    /^Chance does not explain it: b is better than a by 5.00 points; .* in less than 1 of 1,000,000 such/,
  );
  expect(comparison(wrongFor(35), wrongFor(70)).verdict).toContain('a is better than b by 5.00 points');
  expect(comparison(wrongFor(7), wrongFor(0)).verdict).toContain('in 2 of 100 such comparisons');
});

test('warns where chance does', () => {
  const { verdict, pValue } = comparison(wrongFor(4), wrongFor(0));
  expect(pValue).toBe(0.125);
  expect(verdict).toMatch(/^Chance explains the difference of 0.57 points: .* in 13 of 100 such .* Do not take it/);
});

test('shows which class differs, of any number of classes', () => {
  const onlyBees = labels.map((label) => (label === 1 ? 0 : label));
  const { perClass } = comparison(onlyBees, labels);
  expect(perClass.map((each) => each.class)).toEqual(classes);
  expect(perClass.filter(({ isSignificant }) => isSignificant)).toEqual([
    { class: 'bee', first: 0, second: 1, pValue: expect.closeTo(2 ** -99), isSignificant: true },
  ]);
});
