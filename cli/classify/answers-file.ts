import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '#environment/make-folder.ts';
import { systemError } from '#errors/system-error.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { type AnswerFormat, csvFieldsOf, csvFile } from '#jobs/bulk/formats.ts';
import type { FoundPicture } from './find-pictures.ts';

/** What decides the rows of a file: rows of two jobs are not mixed. By the words in which a person gives it. */
export type Job = Readonly<Record<string, string>>;

/**
 * A file of answers that an interrupted command resumes with. Rows are appended to `<file>.part`, beside a description of the
 * job in `<file>.part.json`; when all are there, the part gets the file's name.
 */
export class AnswersFile {
  readonly #file: string;
  readonly #part: string;
  readonly #format: AnswerFormat;
  readonly #header: string;
  #handle: FileHandle | undefined;
  /** Rows that were there already, and how many of them are failures. */
  #before = { rows: 0, failed: 0 };

  private constructor(file: string, format: AnswerFormat, header: string) {
    this.#file = file;
    this.#part = `${file}.part`;
    this.#format = format;
    this.#header = header;
  }

  /**
   * @param header of the file, with its line end
   * @throws {UserError} the file is there, or a part of it that another job has written
   */
  static async open(
    file: string,
    { job, format, header }: { readonly job: Job; readonly format: AnswerFormat; readonly header: string },
  ): Promise<AnswersFile> {
    const answers = new AnswersFile(file, format, header);
    try {
      await answers.#open(job);
    } catch (error) {
      throw systemError(error, file) ?? error;
    }
    return answers;
  }

  get before(): { readonly rows: number; readonly failed: number } {
    return this.#before;
  }

  async #open(job: Job): Promise<void> {
    const part = this.#part;
    if (await isThere(this.#file)) {
      throw new UsageError(`${this.#file} is there already. Give another --out, or remove it to classify again.`);
    }
    const description = `${part}.json`;
    const begun = await readFile(description, 'utf8').catch(() => undefined);
    if (begun === undefined) {
      if (await isThere(part))
        throw new UsageError(`${part} is in the way: nothing says what it is. Remove or rename it.`);
      await makeFolder(dirname(this.#file));
      const draft = `${description}.${process.pid}`;
      await writeFile(draft, `${JSON.stringify(job, undefined, 2)}\n`);
      await rename(draft, description);
      return;
    }
    const other = differenceOf(begun, job);
    if (other === undefined) return;
    throw new UsageError(
      `${part} was begun ${other}. Rows of two kinds are not mixed: give another --out, or remove ${part} and ${description}.`,
    );
  }

  /**
   * Passes by the pictures that have rows, and yields the others. What was cut off in the middle of a row is removed.
   *
   * @throws {UserError} a row is not that of the picture in its place
   */
  async *missing(pictures: AsyncGenerator<FoundPicture>): AsyncGenerator<FoundPicture> {
    let length = 0;
    let isHeader = this.#header !== '';
    for await (const { text, end } of linesOf(this.#part, this.#format)) {
      if (isHeader) {
        if (text !== this.#header) throw new UsageError(`${this.#part} has another header. Remove it to begin again.`);
        isHeader = false;
      } else {
        await this.#pass(text, pictures);
      }
      length = end;
    }
    this.#handle = await open(this.#part, 'a');
    await truncate(this.#part, length);
    if (isHeader) await this.#handle.appendFile(this.#header);
    yield* pictures;
  }

  async #pass(text: string, pictures: AsyncGenerator<FoundPicture>): Promise<void> {
    const row = this.#read(text);
    const { value: picture } = await pictures.next();
    const expected = picture && (this.#format === 'csv' ? csvFile(picture.file) : picture.file);
    if (row === undefined || row.file !== expected) {
      throw new UserError(
        `The pictures are not those that ${this.#part} was begun with: its row ${this.#before.rows + 1} is ` +
          `${row === undefined ? 'damaged' : `of ${row.file}`}, and ${expected ?? 'no picture'} is there now. ` +
          `Remove ${this.#part} and ${this.#part}.json to begin again.`,
      );
    }
    this.#before.rows++;
    if (row.isFailed) this.#before.failed++;
  }

  #read(text: string): { readonly file: string; readonly isFailed: boolean } | undefined {
    if (this.#format === 'csv') {
      const fields = csvFieldsOf(text.slice(0, -1));
      if (fields.length !== csvFieldsOf(this.#header.slice(0, -1)).length) return undefined;
      return { file: fields[0]!, isFailed: fields.at(-1) !== '' };
    }
    try {
      const { file, error } = JSON.parse(text) as { readonly file: string; readonly error?: unknown };
      return { file, isFailed: error !== undefined };
    } catch {
      return undefined;
    }
  }

  /** Appends whole rows. */
  async write(rows: string): Promise<void> {
    try {
      await this.#handle!.appendFile(rows);
    } catch (error) {
      throw systemError(error, this.#part) ?? error;
    }
  }

  /** Gives the file its name: every picture has its row. */
  async finish(): Promise<void> {
    await this.#handle!.sync();
    await this.close();
    await rename(this.#part, this.#file);
    await rm(`${this.#part}.json`, { force: true });
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** How a part was begun, where that was otherwise than now. */
function differenceOf(begun: string, job: Job): string | undefined {
  let before: Record<string, unknown>;
  try {
    before = JSON.parse(begun);
  } catch {
    return 'by an unknown command';
  }
  const name = [...new Set([...Object.keys(job), ...Object.keys(before)])].find((each) => before[each] !== job[each]);
  if (name === undefined) return undefined;
  return `with ${name} ${before[name] ?? 'not given'}, and now it is ${job[name] ?? 'not given'}`;
}

interface Line {
  /** With its line end. */
  readonly text: string;
  /** Bytes of the file up to its end. */
  readonly end: number;
}

const NEWLINE = 10;
const QUOTE = 34;

/** The whole lines of a file; in CSV a line may continue after a line end, in quotes. What follows the last one is left out. */
async function* linesOf(file: string, format: AnswerFormat): AsyncGenerator<Line> {
  if (!(await isThere(file))) return;
  let rest: Buffer = Buffer.alloc(0);
  let end = 0;
  let isQuoted = false;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let from = rest.length;
    rest = Buffer.concat([rest, chunk]);
    let begin = 0;
    for (; from < rest.length; from++) {
      if (rest[from] === QUOTE && format === 'csv') isQuoted = !isQuoted;
      if (rest[from] !== NEWLINE || isQuoted) continue;
      end += from + 1 - begin;
      yield { text: rest.toString('utf8', begin, from + 1), end };
      begin = from + 1;
    }
    rest = rest.subarray(begin);
  }
}
