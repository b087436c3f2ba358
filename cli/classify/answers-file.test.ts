import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { withFolder } from '#inference/app.fixture.ts';
import { type FormatOptions, headerOf, rowOf } from '#jobs/bulk/formats.ts';
import { AnswersFile } from './answers-file.ts';
import type { FoundPicture } from './find-pictures.ts';

/** Names that a careless format would break on. */
const names = ['1.png', 'a,b.png', 'quo"te.png', 'line\nend.png', '=1+1.png', '-x.png', 'ä 🐈.png', 'last.png'];
const job = { '--format': 'csv', 'the version': 'v1' };

async function* pictures(files: readonly string[] = names): AsyncGenerator<FoundPicture> {
  for (const file of files) yield { file, name: file };
}

const model = { name: 'any', version: 'v1' };
const input = { type: 'image/png', width: 32, height: 32, transform: 'none' as const };

describe.each(['csv', 'jsonl'] as const)('a file of answers, as %s', (format) => {
  const options: FormatOptions = { format, width: 0 };
  const header = headerOf(options);
  const row = (file: string) =>
    rowOf(file, { label: 'cat', score: 0.5, uncertain: false, predictions: [], input, model }, options);
  const open = (file: string, as: Record<string, string> = job) => AnswersFile.open(file, { job: as, format, header });

  /** Writes rows until there are so many, and ends without a word. @returns the pictures that had none */
  async function writeSome(file: string, most: number): Promise<string[]> {
    const answers = await open(file);
    const written: string[] = [];
    for await (const picture of answers.missing(pictures())) {
      if (written.length === most) break;
      await answers.write(row(picture.file));
      written.push(picture.file);
    }
    await answers.close();
    return written;
  }

  async function finish(file: string): Promise<string[]> {
    const answers = await open(file);
    const written: string[] = [];
    for await (const picture of answers.missing(pictures())) {
      await answers.write(row(picture.file));
      written.push(picture.file);
    }
    expect(answers.before.rows + written.length).toBe(names.length);
    await answers.finish();
    return written;
  }

  test('has the same bytes wherever it was cut off', () =>
    withFolder(async (folder) => {
      const whole = join(folder, `whole.${format}`);
      expect(await finish(whole)).toEqual(names);
      const expected = await readFile(whole);
      expect(expected.toString()).toBe(header + names.map(row).join(''));
      for (let bytes = 0; bytes <= expected.length; bytes += 19) {
        const file = join(folder, `${bytes}.${format}`);
        await writeSome(file, names.length);
        await truncate(`${file}.part`, bytes);
        await finish(file);
        expect(await readFile(file), `cut after ${bytes} bytes`).toEqual(expected);
      }
    }));

  test('is not written by two jobs, over another file, or about other pictures', () =>
    withFolder(async (folder) => {
      const file = join(folder, `some.${format}`);
      expect(await writeSome(file, 3)).toEqual(names.slice(0, 3));
      await expect(open(file, { ...job, 'the version': 'v2' })).rejects.toThrow(
        'was begun with the version v1, and now it is v2',
      );
      const others = (await open(file)).missing(pictures(['0.png', ...names]));
      await expect(others.next()).rejects.toThrow('its row 1 is of 1.png, and 0.png is there now');
      await appendFile(`${file}.part`, 'what is no row\n');
      await expect((await open(file)).missing(pictures()).next()).rejects.toThrow('its row 4 is damaged');

      const finished = join(folder, `finished.${format}`);
      await finish(finished);
      await expect(open(finished)).rejects.toThrow('is there already');
      await writeFile(join(folder, `foreign.${format}.part`), 'the work of somebody else');
      await expect(open(join(folder, `foreign.${format}`))).rejects.toThrow('nothing says what it is');
    }));
});

test('a spreadsheet takes nothing of CSV for a formula, and reads every name', () => {
  const options: FormatOptions = { format: 'csv', width: 0 };
  const answer = { label: '=cat', score: 0.5, uncertain: false, predictions: [], input, model };
  expect(rowOf('=1+1.png', answer, options)).toBe("./=1+1.png,'=cat,0.5,false,,v1,\n");
  expect(rowOf('-', { ...answer, label: 'a,"b"\nc' }, options)).toBe('-,"a,""b""\nc",0.5,false,,v1,\n');
});
