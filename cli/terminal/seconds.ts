import { InvalidArgumentError } from 'commander';

const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The value of an option for a time, such as `10m`. @throws {InvalidArgumentError} the text is none */
export function seconds(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : secondsIn[unit];
  if (factor === undefined) throw new InvalidArgumentError('Write a number and s, m, h or d, such as 10m.');
  return Number(count) * factor;
}
