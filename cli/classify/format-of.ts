import { extname } from 'node:path';
import { UsageError } from '#errors/user-error.ts';
import type { AnswerFormat } from '#jobs/bulk/formats.ts';

interface FormatOptions {
  readonly format?: AnswerFormat;
  readonly json?: boolean;
  readonly out?: string;
}

/**
 * The format that the options say, or else that of the file to write.
 *
 * @param otherwise that of neither
 * @throws {UsageError} the options contradict one another, or the file's name says no format
 */
export function formatOf({ format, json, out }: FormatOptions, otherwise: AnswerFormat): AnswerFormat {
  if (json && format !== undefined && format !== 'jsonl') {
    throw new UsageError(`--json is jsonl, and --format is ${format}.`);
  }
  const given = json ? 'jsonl' : format;
  if (out === undefined) return given ?? otherwise;
  const ending = extname(out).slice(1).toLowerCase();
  const chosen = given ?? ending;
  if (chosen === 'csv' || chosen === 'jsonl') return chosen;
  throw new UsageError(
    `--out is ${out}, whose format is not known. Name it .csv or .jsonl, or add --format csv or jsonl.`,
  );
}
