/**
 * Student's t distribution, whose degrees of freedom may be a fraction.
 *
 * @see Press et al. 2007, "Numerical Recipes", 3rd edition, §6.4 and §6.14: the incomplete beta function as a continued fraction
 */

/**
 * The value that |t| exceeds with probability `1 - level`.
 *
 * @param level such as 0.95, in (0, 1)
 * @param degrees greater than 0
 */
export function criticalT(level: number, degrees: number): number {
  const outside = 1 - level;
  let [low, high] = [0, 1];
  while (twoSidedT(high, degrees) > outside && high < 1e300) [low, high] = [high, 2 * high];
  for (let halving = 0; halving < 200 && high - low > 1e-14 * high; halving++) {
    const middle = (low + high) / 2;
    if (twoSidedT(middle, degrees) > outside) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The probability of |t| or more, in either direction, where nothing but chance is at work. */
export function twoSidedT(t: number, degrees: number): number {
  if (!Number.isFinite(t)) return 0;
  return incompleteBeta(degrees / (degrees + t ** 2), degrees / 2, 0.5);
}

/** The regularized incomplete beta function Iₓ(a, b). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges fast on this side of the mean; the other side is its mirror.
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const kept = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const term of [even, odd]) {
      d = 1 / kept(1 + term * d);
      c = kept(1 + term / c);
      change = c * d;
      fraction *= change;
    }
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return fraction;
}

/** Stirling's series, from 15 on; smaller arguments are brought there by Γ(x + 1) = x Γ(x). */
function logGamma(x: number): number {
  let product = 1;
  let large = x;
  for (; large < 15; large++) product *= large;
  const series = 1 / (12 * large) - 1 / (360 * large ** 3) + 1 / (1260 * large ** 5) - 1 / (1680 * large ** 7);
  return (large - 0.5) * Math.log(large) - large + Math.log(2 * Math.PI) / 2 + series - Math.log(product);
}
