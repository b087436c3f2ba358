import pc from 'picocolors';
import type { UserError } from '#errors/user-error.ts';
import type { ClassifyAnswer } from '#inference/http/answers.ts';
import { percent } from '#models/percent.ts';
import { Refused } from '../endpoint/endpoint.ts';

export const answerFormats = ['text', 'jsonl', 'csv'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

/** Prints the answer for a picture, or why there is none. */
type Print = (file: string, outcome: ClassifyAnswer | UserError) => void;

interface PrintOptions {
  /** All that will be printed. */
  readonly files: readonly string[];
  /** Classes of a picture. @default 1 in CSV */
  readonly topK?: number;
}

export function printerFor(format: AnswerFormat, options: PrintOptions): Print {
  if (format === 'jsonl') return printJson;
  return format === 'csv' ? csvPrinter(options) : textPrinter(options);
}

const printJson: Print = (file, outcome) => {
  const described =
    outcome instanceof Refused
      ? { error: outcome.problem }
      : outcome instanceof Error
        ? { error: { detail: outcome.message } }
        : outcome;
  process.stdout.write(`${JSON.stringify({ file, ...described })}\n`);
};

/**
 * A header, and a line for each picture: `file,label,score,uncertain,unfamiliar,version,error`, and `label_2,score_2` and so on for more
 * classes. Every line has as many fields as the header.
 *
 * @see RFC 4180
 */
function csvPrinter({ topK = 1 }: PrintOptions): Print {
  const further = Array.from({ length: topK - 1 }, (_, index) => index + 2);
  const print = (fields: readonly (string | number | boolean)[]) => {
    process.stdout.write(`${fields.map((field) => csvField(String(field))).join(',')}\n`);
  };
  const columns = further.flatMap((rank) => [`label_${rank}`, `score_${rank}`]);
  print(['file', 'label', 'score', 'uncertain', 'unfamiliar', ...columns, 'version', 'error']);
  return (file, outcome) => {
    if (outcome instanceof Error) return print([file, '', '', '', '', ...columns.map(() => ''), '', outcome.message]);
    // Models that cannot tell leave it out.
    const { label, score, uncertain, unfamiliar = '', predictions, model } = outcome;
    const others = further.flatMap((rank) => {
      const prediction = predictions[rank - 1];
      return prediction === undefined ? ['', ''] : [prediction.label, prediction.score];
    });
    print([file, label, score, uncertain, unfamiliar, ...others, model.version, '']);
  };
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** `photos/1.png  cat  93.1 %  dog 4.2 %, deer 1.0 %` in columns. */
function textPrinter({ files }: PrintOptions): Print {
  const width = Math.min(
    40,
    files.reduce((widest, file) => Math.max(widest, shown(file).length), 0),
  );
  return (file, outcome) => {
    const name = shown(file).padEnd(width);
    if (outcome instanceof Error) {
      process.stderr.write(`${name}  ${pc.red('✗')} ${outcome.message}\n`);
      return;
    }
    const { label, score, uncertain, unfamiliar, predictions } = outcome;
    const others = predictions.slice(1, 4).map((each) => `${each.label} ${percent(each.score, { digits: 1 })}`);
    const answer = `${label.padEnd(12)} ${percent(score, { digits: 1 }).padStart(7)}`;
    const doubts = [...(uncertain ? ['uncertain'] : []), ...(unfamiliar ? ['like none of the classes'] : [])];
    const mark = doubts.length > 0 ? pc.yellow(`  ${doubts.join(', ')}`) : '';
    process.stdout.write(
      `${name}  ${doubts.length > 0 ? pc.yellow(answer) : pc.bold(answer)}  ${pc.dim(others.join(', '))}${mark}\n`,
    );
  };
}

/** A file name may contain characters that control a terminal. */
function shown(file: string): string {
  return file.replaceAll(/\p{Cc}/gu, '?');
}
