/**
 * Says what is under way when the command is interrupted, and ends with exit code 130.
 *
 * @param message what AWS continues with, and what to do next
 * @returns what ends the watch
 */
export function explainInterruption(message: string): () => void {
  const explain = () => {
    process.stderr.write(`\n${message}\n`);
    process.exit(130);
  };
  process.once('SIGINT', explain).once('SIGTERM', explain);
  return () => void process.off('SIGINT', explain).off('SIGTERM', explain);
}
