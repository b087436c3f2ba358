/** Rows of numbers. */
export type Matrix = readonly (readonly number[])[];

/**
 * How a kernel of three taps slides along an axis by Winograd's method: `outputs · ((taps · kernel) ⊙ (images · input))`, with the
 * kernel's values repeated for each tile. An axis is cut into `tiles` of equal length, the last of which may reach beyond its end.
 */
export interface AxisTransforms {
  /** Of the products in a tile: two more than it has outputs. */
  readonly points: number;
  readonly tiles: number;
  /** `[points · tiles, size]`: from an axis to the tiles' points. All tiles of the first point come first. */
  readonly images: Matrix;
  /** `[points, 3]` */
  readonly taps: Matrix;
  /** `[outputs, points · tiles]` */
  readonly outputs: Matrix;
}

/**
 * Points at which polynomials are evaluated, besides infinity. Of those tried, these round least where all are taken: by 1e-5 of a
 * result in float32; with the usual 1, -1, 2, -2, 1/2, -1/2 among them it is three times as much.
 *
 * @see Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", arXiv:1803.10986
 */
const POINTS = [0, 3 / 4, -3 / 4, 5 / 4, -5 / 4, 5 / 2, -5 / 2, 3 / 8, -3 / 8];

/** Outputs of the largest tile. */
const LARGEST = POINTS.length - 1;

/**
 * Takes the length of tiles that needs the fewest products; of two, the shorter one, which is the more exact.
 *
 * @param size of the axis
 * @param padding zeros before the axis and after it: one each, or none
 * @see Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308; Winograd, "Arithmetic Complexity of
 *   Computations", 1980
 */
export function axisTransforms(size: number, padding: 'same' | 'valid'): AxisTransforms {
  const before = padding === 'same' ? 1 : 0;
  const outputs = size + 2 * before - 2;
  const length = tileLength(outputs);
  const tile = tileTransforms(length);
  const points = length + 2;
  const tiles = Math.ceil(outputs / length);
  const inputs = zeros(points * tiles, size);
  const results = zeros(outputs, points * tiles);
  for (let point = 0; point < points; point++) {
    for (let index = 0; index < tiles; index++) {
      const row = point * tiles + index;
      for (const [place, factor] of tile.images[point]!.entries()) {
        const at = index * length + place - before;
        if (at >= 0 && at < size) inputs[row]![at] = factor;
      }
      for (const [place, factor] of tile.outputs[point]!.entries()) {
        const at = index * length + place;
        if (at < outputs) results[at]![row] = factor;
      }
    }
  }
  return { points, tiles, images: inputs, taps: tile.taps, outputs: results };
}

function tileLength(outputs: number): number {
  const products = (length: number) => (length + 2) * Math.ceil(outputs / length);
  let shortest = 1;
  for (let length = 2; length <= LARGEST; length++) if (products(length) < products(shortest)) shortest = length;
  return shortest;
}

/**
 * The matrices of one tile, by interpolation: a product of polynomials is known from its values at as many points as it has
 * coefficients. What slides is the transpose of that product.
 *
 * @returns for each point `images[length + 2]`, `taps[3]` and `outputs[length]`
 */
function tileTransforms(length: number): { images: number[][]; taps: number[][]; outputs: number[][] } {
  const finite = POINTS.slice(0, length + 1);
  const tile = { images: [] as number[][], taps: [] as number[][], outputs: [] as number[][] };
  for (const point of finite) {
    const others = finite.filter((other) => other !== point);
    const scale = others.reduce((product, other) => product * (point - other), 1);
    tile.images.push([...polynomial(others), 0]);
    tile.taps.push([1, point, point ** 2].map((power) => power / scale));
    tile.outputs.push(Array.from({ length }, (_, place) => point ** place));
  }
  tile.images.push(polynomial(finite)); // at infinity
  tile.taps.push([0, 0, 1]);
  tile.outputs.push(Array.from({ length }, (_, place) => (place === length - 1 ? 1 : 0)));
  return tile;
}

/** The coefficients of the polynomial with these roots, the lowest power first. */
function polynomial(roots: readonly number[]): number[] {
  let product = [1];
  for (const root of roots) product = [...product, 0].map((each, power) => (product[power - 1] ?? 0) - root * each);
  return product;
}

/** The product of each entry of one with all of the other: `[rows · rows', columns · columns']`. */
export function kronecker(one: Matrix, other: Matrix): Matrix {
  return one.flatMap((row) => other.map((matched) => row.flatMap((left) => matched.map((right) => left * right))));
}

function zeros(rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, () => new Array<number>(columns).fill(0));
}
