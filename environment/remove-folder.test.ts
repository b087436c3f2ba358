import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { removeFolder } from './remove-folder.ts';

/** Writes files to a folder until it is gone. */
const WRITER = `
  const { writeFileSync } = require('node:fs');
  const { parentPort, workerData } = require('node:worker_threads');
  try {
    for (let file = 0; ; file++) {
      writeFileSync(workerData + '/' + file, '');
      if (file === 20) parentPort.postMessage('writing');
    }
  } catch {}`;

test('removes a folder that another thread is writing files to', async () => {
  for (let time = 0; time < 20; time++) {
    const folder = mkdtempSync(join(tmpdir(), 'remove-'));
    const worker = new Worker(WRITER, { eval: true, workerData: folder });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve) => worker.once('message', resolve));
    removeFolder(folder);
    await ended;
    expect(existsSync(folder)).toBe(false);
  }
});
