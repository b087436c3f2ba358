/**
 * `node --expose-gc --import ./bench/live-heap.ts`, with an IPC channel to its parent: for any message, the process collects
 * all its garbage and answers with the bytes of memory still in use.
 */
process.on('message', () => {
  // The first call may only finish a collection already under way, which keeps everything allocated since.
  for (let count = 0; count < 2; count++) gc!();
  const { heapUsed, external } = process.memoryUsage();
  process.send!(heapUsed + external);
});
// The channel does not keep the process alive.
process.channel?.unref();
