/** Types of what flows between the layers in a training step. */
export const precisions = ['float32', 'bfloat16', 'float16'] as const;
export type Precision = (typeof precisions)[number];
