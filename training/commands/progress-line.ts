import type { WriteStream } from 'node:tty';

/** A progress line on a terminal, drawn over the one before; elsewhere nothing is shown. */
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
