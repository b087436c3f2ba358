/** Writes a fraction for people: `0.8312` as `83.12 %`. */
export function percent(fraction: number, { digits = 2 }: { readonly digits?: number } = {}): string {
  return `${(100 * fraction).toFixed(digits)} %`;
}

/** Writes a difference of fractions in points, with its sign: `-0.0042` as `-0.42`. */
export function points(fraction: number): string {
  return `${fraction < 0 ? '-' : '+'}${Math.abs(100 * fraction).toFixed(2)}`;
}
