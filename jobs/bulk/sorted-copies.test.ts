import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withFolder } from '#inference/app.fixture.ts';
import { classFolders, copyPicture } from './sorted-copies.ts';

test('every class has a folder of its own that any file system takes', () => {
  const classes = ['cat', 'Cat', 'CAT', '../up', 'a/b', '.hidden', 'nul', 'dot.', '', 'line\nend', 'x'.repeat(300)];
  const folders = classFolders(classes);
  expect([...folders.values()].slice(0, 10)).toEqual(
    ['cat', 'Cat~2', 'CAT~3', '_._up', 'a_b', '_hidden', '_nul', 'dot_', '_', 'line_end'], // In the classes' order.
  );
  const names = [...folders.values()].map((name) => name.toLowerCase());
  expect(new Set(names).size).toBe(classes.length);
  expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(100);
});

test('a copy replaces nothing, and the same picture is copied once', () =>
  withFolder(async (folder) => {
    const place = join(folder, 'cat', 'sub', '1.png');
    expect(copyPicture(Buffer.from('a picture'), place)).toBeUndefined();
    expect(copyPicture(Buffer.from('a picture'), place)).toBeUndefined();
    expect(copyPicture(Buffer.from('another'), place)).toContain('is there and is another file');
    symlinkSync('nowhere', join(folder, 'cat', '2.png'));
    expect(copyPicture(Buffer.from('another'), join(folder, 'cat', '2.png'))).toBeDefined();
    writeFileSync(join(folder, 'file'), '');
    expect(copyPicture(Buffer.from('another'), join(folder, 'file', '3.png'))).toBeDefined();
    expect(readFileSync(place, 'utf8')).toBe('a picture');
    expect(readdirSync(join(folder, 'cat', 'sub'))).toEqual(['1.png']);
  }));
