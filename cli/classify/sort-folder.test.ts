import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withFolder } from '#inference/app.fixture.ts';
import { makeSortFolder } from './sort-folder.ts';

test('pictures are not sorted into the folder that they are taken from', () =>
  withFolder(async (folder) => {
    mkdirSync(join(folder, 'photos'));
    symlinkSync('photos', join(folder, 'link'));
    for (const into of ['photos', 'photos/sorted', 'link/sorted']) {
      await expect(makeSortFolder(join(folder, into), [join(folder, 'photos')])).rejects.toThrow('outside it');
    }
    await makeSortFolder(join(folder, 'photos-sorted'), [join(folder, 'photos')]);
    expect(readdirSync(folder)).toContain('photos-sorted');
  }));
