/** What flows between the layers in a training step. */
export type Precision = 'float32' | 'bfloat16' | 'float16';
