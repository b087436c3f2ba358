/**
 * Where the batches of a run are prepared: between the steps, in another thread, or by the engine itself, which keeps the
 * images and then does many steps in a call. The weights are the same, bit for bit.
 */
export const batchPreparations = ['inline', 'worker', 'graph'] as const;
export type BatchPreparation = (typeof batchPreparations)[number];
