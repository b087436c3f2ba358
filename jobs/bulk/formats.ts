import pc from 'picocolors';
import type { UserError } from '#errors/user-error.ts';
import type { ImageAnswer, ModelName } from '#inference/http/answers.ts';
import { Refused } from '#inference/http/refused.ts';
import { percent } from '#models/percent.ts';

export const answerFormats = ['text', 'jsonl', 'csv'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

/** What an endpoint, or a model in this process, says of a picture. */
export type PictureAnswer = ImageAnswer & { readonly model: ModelName };

export interface FormatOptions {
  readonly format: AnswerFormat;
  /** Classes of a picture. @default 1 in CSV */
  readonly topK?: number | undefined;
  /** Columns for the names of the files, as text. */
  readonly width: number;
}

/** What stands above the first row, with its line end. */
export function headerOf({ format, topK = 1 }: FormatOptions): string {
  if (format !== 'csv') return '';
  const columns = furtherRanks(topK).flatMap((rank) => [`label_${rank}`, `score_${rank}`]);
  return csvLine(['file', 'label', 'score', 'uncertain', 'unfamiliar', ...columns, 'version', 'error']);
}

/** The answer for a picture, or why there is none, with its line end. */
export function rowOf(file: string, outcome: PictureAnswer | UserError, options: FormatOptions): string {
  if (options.format === 'jsonl') return jsonRow(file, outcome);
  return options.format === 'csv' ? csvRow(file, outcome, options) : textRow(file, outcome, options);
}

function jsonRow(file: string, outcome: PictureAnswer | UserError): string {
  const described =
    outcome instanceof Refused
      ? { error: outcome.problem }
      : outcome instanceof Error
        ? { error: { detail: outcome.message } }
        : outcome;
  return `${JSON.stringify({ file, ...described })}\n`;
}

/**
 * `file,label,score,uncertain,unfamiliar,version,error`, and `label_2,score_2` and so on for more classes. Every line has as
 * many fields as the header.
 *
 * @see RFC 4180
 */
function csvRow(file: string, outcome: PictureAnswer | UserError, { topK = 1 }: FormatOptions): string {
  const further = furtherRanks(topK);
  if (outcome instanceof Error) {
    return csvLine([csvFile(file), '', '', '', '', ...further.flatMap(() => ['', '']), '', outcome.message]);
  }
  // Models that cannot tell leave it out.
  const { label, score, uncertain, unfamiliar = '', predictions, model } = outcome;
  const others = further.flatMap((rank) => {
    const prediction = predictions[rank - 1];
    return prediction === undefined ? ['', ''] : [prediction.label, prediction.score];
  });
  return csvLine([csvFile(file), label, score, uncertain, unfamiliar, ...others, model.version, '']);
}

function furtherRanks(topK: number): number[] {
  return Array.from({ length: topK - 1 }, (_, index) => index + 2);
}

/** What a spreadsheet would take for a formula, and run. @see https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+@\t\r-](?!$)/;

/** A path as CSV shows it: the same file by another path, where a spreadsheet would take its name for a formula. */
export function csvFile(file: string): string {
  return FORMULA.test(file) ? `./${file}` : file;
}

/** A line of CSV, with its line end. */
export function csvLine(fields: readonly (string | number | boolean)[]): string {
  return `${fields.map((field) => (typeof field === 'string' ? csvField(field) : field)).join(',')}\n`;
}

function csvField(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** The fields of a line of CSV as it is written here, without its line end. */
export function csvFieldsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

/** Columns for the names of these files, as text. */
export function widthFor(files: readonly string[]): number {
  return Math.min(
    40,
    files.reduce((widest, file) => Math.max(widest, shown(file).length), 0),
  );
}

/** `photos/1.png  cat  93.1 %  dog 4.2 %, deer 1.0 %` in columns. */
function textRow(file: string, outcome: PictureAnswer | UserError, { width }: FormatOptions): string {
  const name = shown(file).padEnd(width);
  if (outcome instanceof Error) return `${name}  ${pc.red('✗')} ${shown(outcome.message)}\n`;
  const { label, score, uncertain, unfamiliar, predictions } = outcome;
  const others = predictions.slice(1, 4).map((each) => `${shown(each.label)} ${percent(each.score, { digits: 1 })}`);
  const answer = `${shown(label).padEnd(12)} ${percent(score, { digits: 1 }).padStart(7)}`;
  const doubts = [...(uncertain ? ['uncertain'] : []), ...(unfamiliar ? ['like none of the classes'] : [])];
  const mark = doubts.length > 0 ? pc.yellow(`  ${doubts.join(', ')}`) : '';
  return `${name}  ${doubts.length > 0 ? pc.yellow(answer) : pc.bold(answer)}  ${pc.dim(others.join(', '))}${mark}\n`;
}

/** A file name may contain characters that control a terminal. */
function shown(file: string): string {
  return file.replaceAll(/\p{Cc}/gu, '?');
}
