import type { Labels } from '../../data/labels.ts';

/** The type that labels have in a graph: TensorFlow converts bytes and int32 to what its operations take. */
export function labelType(classes: number): 'uint8' | 'int32' {
  return classes > 256 ? 'int32' : 'uint8';
}

/** Labels in that type. */
export function labelValues(labels: Labels, classes: number): Uint8Array | Int32Array {
  if (labelType(classes) === 'int32') return Int32Array.from(labels);
  return labels instanceof Uint8Array ? labels : Uint8Array.from(labels);
}
