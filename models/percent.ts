/** Writes a fraction for people: `0.8312` as `83.12 %`. */
export function percent(fraction: number, { digits = 2 }: { readonly digits?: number } = {}): string {
  return `${(100 * fraction).toFixed(digits)} %`;
}
