import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { withEndpoint, withFolder } from '#inference/app.fixture.ts';
import { examplePixels } from '#inference/serving/example-model.fixture.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function classify(...args: string[]): Promise<{ code: number | null; out: string; error: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'cli/cifar10.ts', 'classify', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' },
  });
  child.stdin.end(png(2));
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve))), out, error };
}

const png = (seed: number) => encode({ width: 32, height: 32, channels: 3, data: examplePixels(seed) });

test('classifies files in their order, and says which cannot be', () =>
  withFolder((folder) =>
    withEndpoint(async ({ url, promote }) => {
      const version = await promote();
      const file = (name: string) => join(folder, name);
      await writeFile(file('a.png'), png(1));
      await writeFile(file('b.png'), 'no picture');
      const files = [file('a.png'), file('b.png'), file('missing.png'), '-'];

      const lines = await classify('--endpoint', `${url}/`, '--json', '--top-k', '2', ...files);
      expect(lines.code).toBe(1);
      const printed = lines.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(printed.map((each) => each.file)).toEqual(files);
      expect(printed[0]).toMatchObject({ model: { version }, input: { type: 'image/png' } });
      expect(printed[0].predictions).toHaveLength(2);
      expect(printed[1].error).toMatchObject({ code: 'unsupported-image', status: 415 });
      expect(printed[2].error.detail).toContain('File not found');
      expect(printed[3].input.type).toBe('image/png');

      const table = await classify('--endpoint', url, file('a.png'), file('b.png'));
      expect(table.code).toBe(1);
      expect(table.out).toMatch(
        new RegExp(`^a\\.png +${printed[0].label} +[\\d.]+ %  ${printed[0].predictions[1].label} `),
      );
      expect(table.error).toMatch(/^b\.png +✗ This is text/);

      expect(await classify('--endpoint', url, file('a.png'))).toMatchObject({ code: 0, error: '' });
    }),
  ));

test('says when nothing answers, or it is asked wrongly', async () => {
  const [nobody, noAddress, nothing] = await Promise.all([
    classify('--endpoint', 'http://127.0.0.1:9', '-'),
    classify('--endpoint', 'localhost:8080', '-'),
    classify('--endpoint', 'http://127.0.0.1:9', '--top-k', '0', '-'),
  ]);
  expect(nobody).toMatchObject({ code: 1, out: '' });
  expect(nobody.error).toContain('No endpoint answers at http://127.0.0.1:9.');
  expect(noAddress.code).toBe(2);
  expect(nothing.code).toBe(2);
});
