/**
 * `node --expose-gc --import ./bench/live-heap.ts`, with a channel to its parent: whatever the parent sends, the process
 * collects all its garbage and answers with the bytes that are left.
 */
process.on('message', () => {
  // The first one may only end a collection that had begun, which keeps whatever came since.
  for (let count = 0; count < 2; count++) gc!();
  const { heapUsed, external } = process.memoryUsage();
  process.send!(heapUsed + external);
});
// The process ends when it has nothing else to do.
process.channel?.unref();
