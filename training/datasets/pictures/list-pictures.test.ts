import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NotFound, UserError } from '#errors/user-error.ts';
import { listPictures } from './list-pictures.ts';
import { temporaryFolder, writeFiles } from './pictures.fixture.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const shown = async (place: string) => {
  const { classes, pictures } = await listPictures(join(folder, place));
  return pictures.map(({ path, label, split }) => [path, classes[label], ...(split ? [split] : [])].join(' '));
};

describe('a folder', () => {
  test('has its classes and pictures in natural order, with those of folders in a class', async () => {
    await writeFiles(folder, { 'p/10/b.png': '', 'p/2/x10.png': '', 'p/2/x9.png': '', 'p/2/more/a.JPG': '' });
    expect(await shown('p')).toEqual(['2/more/a.JPG 2', '2/x9.png 2', '2/x10.png 2', '10/b.png 10']);
  });

  test.each(['val', 'valid', 'validation'])('may have train, %s and test above the classes', async (name) => {
    await writeFiles(folder, { 'p/train/a/1.png': '', [`p/${name}/a/2.png`]: '', 'p/test/b/3.png': '' });
    expect((await shown('p')).sort()).toEqual(
      ['train/a/1.png a train', `${name}/a/2.png a val`, 'test/b/3.png b test'].sort(),
    );
  });

  test('may have classes that are called as splits, beside others', async () => {
    await writeFiles(folder, { 'p/train/1.png': '', 'p/bus/2.png': '' });
    expect(await shown('p')).toEqual(['bus/2.png bus', 'train/1.png train']);
  });

  test('joins names that differ in their Unicode form alone', async () => {
    await writeFiles(folder, { 'p/Käse/1.png': '', 'p/Ka\u0308se/2.png': '', 'p/Brot/3.png': '' });
    expect((await listPictures(join(folder, 'p'))).classes).toEqual(['Brot', 'Käse']);
  });

  test('takes names with blanks and emoji', async () => {
    await writeFiles(folder, { 'p/hot dog/1 (2).png': '', 'p/🐱/ü.png': '' });
    expect(new Set((await listPictures(join(folder, 'p'))).classes)).toEqual(new Set(['hot dog', '🐱']));
  });

  test('leaves out what is no picture, and says what and why', async () => {
    await writeFiles(folder, {
      'p/a/1.png': '',
      'p/b/2.png': '',
      'p/a/.DS_Store': '',
      'p/a/Thumbs.db': '',
      'p/a/notes.txt': '',
      'p/__MACOSX/a/._1.png': '',
      'p/readme.md': '',
      'elsewhere/secret.png': '',
    });
    await symlink(join(folder, 'elsewhere/secret.png'), join(folder, 'p/b/link.png'));
    await symlink(join(folder, 'p'), join(folder, 'p/b/circle'));
    await symlink('nowhere', join(folder, 'p/b/broken.png'));
    await symlink('2.png', join(folder, 'p/b/inside.png'));
    const { leftOut, pictures } = await listPictures(join(folder, 'p'));
    expect(pictures.map(({ path }) => path)).toEqual(['a/1.png', 'b/2.png', 'b/inside.png']);
    expect(Object.fromEntries(leftOut.map(({ path, reason }) => [path, reason]))).toEqual({
      __MACOSX: 'is hidden, or left by an operating system',
      'readme.md': 'is in no folder of a class',
      'a/.DS_Store': 'is hidden, or left by an operating system',
      'a/Thumbs.db': 'is hidden, or left by an operating system',
      'a/notes.txt': 'is no picture by its name',
      'b/broken.png': 'is a link that leads out of the folder, or nowhere',
      'b/circle': 'is a link that leads out of the folder, or nowhere',
      'b/link.png': 'is a link that leads out of the folder, or nowhere',
    });
  });

  test.each([
    ['without folders', { 'p/1.png': '' }, 'has no pictures in folders', 'There, 1.png is in no folder of a class'],
    ['that is empty', { 'other/1.png': '', 'p/a/.hidden': '' }, 'has no pictures in folders', 'a/.hidden is hidden'],
    [
      'with a class without pictures',
      { 'p/cats/1.png': '', 'p/dogs/2.png': '', 'p/birds/notes.txt': '' },
      'p has no picture in the folder "birds"',
      'Add pictures of that class, or remove the folder.',
    ],
    ['with one class', { 'p/cats/1.png': '' }, 'has one class, "cats"', 'takes two'],
  ])('%s is refused, with the remedy', async (_, files, problem, remedy) => {
    await writeFiles(folder, files);
    const refused = expect(listPictures(join(folder, 'p'))).rejects;
    await refused.toThrow(problem);
    await expect(listPictures(join(folder, 'p'))).rejects.toThrow(remedy);
  });

  test('may lack a class in one of its splits', async () => {
    await writeFiles(folder, {
      'p/train/a/1.png': '',
      'p/train/b/2.png': '',
      'p/test/a/3.png': '',
      'p/test/b/.keep': '',
    });
    expect((await listPictures(join(folder, 'p'))).classes).toEqual(['a', 'b']);
  });

  test('with 10,001 classes is refused', async () => {
    const rows = Array.from({ length: 10_001 }, (_, number) => `${number}.png,class ${number}`);
    await writeFiles(folder, { 'table.csv': ['path,label', ...rows].join('\n') });
    await expect(listPictures(join(folder, 'table.csv'))).rejects.toThrow('has 10001 classes; at most 10000');
  });
});

describe('a table', () => {
  test('keeps its order, and may say splits and groups', async () => {
    await writeFiles(folder, {
      'p/t.csv':
        '\uFEFFPath,Label,split,group\r\nb.png,"ships, boats",train,1\r\na.png,cars,validation,1\r\nc/d.png,cars,test,\r\n',
    });
    expect(await shown('p/t.csv')).toEqual(['b.png ships, boats train', 'a.png cars val', 'c/d.png cars test']);
    const { pictures } = await listPictures(join(folder, 'p/t.csv'));
    expect(pictures.map(({ group }) => group)).toEqual(['1', '1', undefined]);
  });

  test('may be JSON lines', async () => {
    await writeFiles(folder, { 't.jsonl': '{"file": "a.png", "class": 10}\n\n{"file": "b.png", "class": "2"}' });
    expect(await shown('t.jsonl')).toEqual(['a.png 10', 'b.png 2']);
    expect((await listPictures(join(folder, 't.jsonl'))).classes).toEqual(['2', '10']);
  });

  const csv = (...rows: string[]) => ['path,label,split', ...rows].join('\n');
  test.each([
    ['an unknown column', 't.csv', 'path,label,color\na.png,b,red', 'column "color" is unknown'],
    ['no label column', 't.csv', 'path,split\na.png,train', 'has no column "label"'],
    ['no rows', 't.csv', 'path,label\n', 'has no rows'],
    ['an unknown split', 't.csv', csv('a.png,b,holdout'), 'line 2: a.png has the split "holdout"'],
    ['no label in a row', 't.csv', csv('a.png,b,', 'c.png,,'), 'line 3: c.png has no label'],
    ['no path in a row', 't.csv', csv(',b,'), 'line 2 has no path'],
    ['a row of another length', 't.csv', csv('a.png,b,train,more'), 'is not valid CSV'],
    ['a path that leads out', 't.csv', csv('../a.png,b,'), 'line 2: ../a.png leads out of the table'],
    ['a path that leads out on the way', 't.csv', csv('x/../../a.png,b,'), 'leads out of the table'],
    ['an absolute path', 't.csv', csv('/etc/passwd,b,'), '/etc/passwd leads out of the table'],
    ['a path of Windows', 't.csv', csv('C:\\a.png,b,'), 'leads out of the table'],
    [
      'two labels for a picture',
      't.csv',
      csv('a.png,b,', 'a.png,c,'),
      'line 3: a.png has the label c, and b in line 2',
    ],
    ['a line that is not JSON', 't.jsonl', '{"path": "a.png", "label": "b"}\n{', 'line 2 is not JSON'],
    ['a line that is no object', 't.jsonl', '["a.png"]', 'line 1 is not an object'],
    ['a value that is no text', 't.jsonl', '{"path": "a.png", "label": null}', '"label" is null'],
    ['a file of another kind', 't.xlsx', 'path,label', 'is no data set'],
  ])('with %s is refused by its line', async (_, name, text, message) => {
    await writeFiles(folder, { [name]: text });
    await expect(listPictures(join(folder, name))).rejects.toThrow(message);
    await expect(listPictures(join(folder, name))).rejects.toBeInstanceOf(UserError);
  });

  test('with a link that leads out of its folder is refused', async () => {
    await writeFiles(folder, { 'p/t.csv': csv('a.png,b,', 'c.png,d,'), 'p/c.png': '', 'secret.png': '' });
    await symlink(join(folder, 'secret.png'), join(folder, 'p/a.png'));
    await expect(listPictures(join(folder, 'p/t.csv'))).rejects.toThrow('line 2: a.png is a link that leads out');
  });

  test('that is not there is not found', async () => {
    await expect(listPictures(join(folder, 'none.csv'))).rejects.toBeInstanceOf(NotFound);
  });
});
