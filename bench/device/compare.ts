import { readFileSync } from 'node:fs';
import type { Stepped } from './measure.ts';

/** Steps that were taken, and the file of their weights. */
export interface Taken extends Stepped {
  readonly file: string;
}

/** How far two trainings from the same weights are from each other. */
export interface Distance {
  /** Relative difference of the loss before the first update. */
  readonly firstLoss: number;
  /** Distance of all weights, as a share of the way that they went. */
  readonly weights: number;
  /** The weight that is farthest by this measure. */
  readonly worst: { readonly name: string; readonly share: number };
  readonly isSameBits: boolean;
  readonly isFinite: boolean;
}

/** @param reference whose way is the measure */
export function distanceBetween(reference: Taken, other: Taken): Distance {
  const [ours, theirs] = [readWeights(reference), readWeights(other)];
  let [apart, gone] = [0, 0];
  let worst = { name: '', share: -1 };
  for (const [index, { name }] of reference.weights.entries()) {
    const { before, after } = ours[index]!;
    const [difference, way] = [squaredDistance(after, theirs[index]!.after), squaredDistance(before, after)];
    apart += difference;
    gone += way;
    const share = shareOf(difference, way);
    if (!(share <= worst.share)) worst = { name, share };
  }
  const [one, another] = [reference.losses[0]!, other.losses[0]!];
  return {
    ...{ firstLoss: Math.abs(one - another) / Math.abs(one), weights: shareOf(apart, gone), worst },
    isSameBits: reference.digest === other.digest,
    isFinite: [...reference.losses, ...other.losses, apart].every(Number.isFinite),
  };
}

function readWeights({ file, weights }: Taken) {
  const bytes = readFileSync(file);
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  let at = 0;
  return weights.map(({ length }) => {
    const before = values.subarray(at, at + length);
    const after = values.subarray(values.length / 2 + at, values.length / 2 + at + length);
    at += length;
    return { before, after };
  });
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at]! - b[at]!) ** 2;
  return sum;
}

/** The root of the ratio; a constant that stayed the same is no distance, and one that moved is the whole of it. */
function shareOf(difference: number, way: number): number {
  if (way === 0) return difference === 0 ? 0 : 1;
  return Math.sqrt(difference / way);
}
