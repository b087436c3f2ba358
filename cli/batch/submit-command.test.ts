import { expect, test } from 'vitest';
import { submitCommand } from './submit-command.ts';

test.each([
  [['train', 'quick', '--run', 'monday'], 'local', './cifar10 submit quick --run monday'],
  [
    ['train', 'seed', '--run', 'monday', '--seed', '3', '--set', 'widths=[1, 2]'],
    'aws',
    "./cifar10 submit seed --run monday --seed 3 --set 'widths=[1, 2]' --target aws",
  ],
  [['train'], 'local', './cifar10 submit --run monday'], // started by hand in the console
] as const)('%j on %s is submitted again by %s', (command, name, expected) => {
  expect(submitCommand({ command, run: 'monday' }, { name })).toBe(expected);
});
