import type { WriteStream } from 'node:tty';

/** A line that tells how far something is, for whoever waits at a terminal; elsewhere nothing. */
export function progressLine(stream: WriteStream = process.stderr) {
  return {
    show(line: string) {
      if (stream.isTTY) stream.write(`\r\x1b[2K${line.slice(0, stream.columns - 1)}`);
    },
    end() {
      if (stream.isTTY) stream.write('\r\x1b[2K');
    },
  };
}
