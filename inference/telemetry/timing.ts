/** Rounds milliseconds to two decimals. */
export function roundMilliseconds(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100;
}
