/**
 * Where the batches of a run are prepared: in the thread of the steps, in another one, or by the engine itself, which then
 * does many steps in a call. The weights are the same, bit for bit.
 */
export type Preparation = 'inline' | 'worker' | 'graph';
