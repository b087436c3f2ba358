/** Rounds up to one significant digit, as in "at most 2e-6". */
export function roundUp(value: number): string {
  const [digits, exponent] = value.toExponential().split('e');
  return Number(`${Math.ceil(Number(digits))}e${exponent}`).toExponential(0);
}
