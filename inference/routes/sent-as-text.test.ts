import { readFileSync } from 'node:fs';
import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { withEndpoint } from '../app.fixture.ts';
import { BatchAnswer, ClassifyAnswer } from '../http/answers.ts';
import { bodyOf, clientForms } from '../http/forms.fixture.ts';
import { Problem } from '../http/problem.ts';
import { examplePixels } from '../serving/example-model.fixture.ts';

const fixture = (name: string) => readFileSync(new URL(`../../images/fixtures/${name}`, import.meta.url));
const png = Buffer.from(encode({ width: 32, height: 32, channels: 3, data: examplePixels(1) }));
const jpeg = fixture('baseline-444.jpg');
const webp = fixture('lossless.webp');
const images = { PNG: png, JPEG: jpeg, WebP: webp };

type Change = (file: Buffer) => Buffer | string;

const latin1 = (change: (text: string) => string) => (file: Buffer) =>
  Buffer.from(change(file.toString('latin1')), 'latin1');
const inLines = (text: string) => text.replaceAll(/.{76}/g, '$&\r\n');
const urlSafe = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const base64 = (file: Buffer) => file.toString('base64');
const type = (file: Buffer) => (file === png ? 'png' : file === jpeg ? 'jpeg' : 'webp');

/** What text does to a file without losing a byte. */
const harmless: Record<string, Change> = {
  'a line end before it': (file) => Buffer.concat([Buffer.from('\r\n'), file]),
  'a byte order mark before it': (file) => Buffer.concat([Buffer.from('\ufeff'), file]),
  'a byte order mark and line ends before it': (file) => Buffer.concat([Buffer.from('\ufeff\n\n'), file]),
  'a line end after it': (file) => Buffer.concat([file, Buffer.from('\n')]),
  'each byte as a character in UTF-8': (file) => Buffer.from(file.toString('latin1'), 'utf8'),
  Base64: base64,
  'Base64 in lines': (file) => inLines(base64(file)),
  base64url: (file) => urlSafe(base64(file)),
  'base64url in lines': (file) => inLines(urlSafe(base64(file))),
  'Base64 in UTF-16': (file) => Buffer.from(`\ufeff${base64(file)}`, 'utf16le'),
  'Base64 with spaces for line ends': (file) => inLines(base64(file)).replaceAll('\r\n', ' '),
  'a data URL': (file) => `data:image/${type(file)};base64,${base64(file)}`,
  'a data URL in capitals': (file) => `DATA:IMAGE/${type(file).toUpperCase()};BASE64,${base64(file)}`,
  'a data URL with a parameter': (file) => `data:image/${type(file)};charset=utf-8;base64, ${base64(file)}\n`,
  'a data URL without a type': (file) => `data:;base64,${encodeURIComponent(base64(file))}`,
  'a JSON string': (file) => JSON.stringify(base64(file)),
  'a JSON string of PHP': (file) => JSON.stringify(base64(file)).replaceAll('/', '\\/'),
  'hexadecimal digits': (file) => file.toString('hex'),
  'hexadecimal digits in lines': (file) => inLines(file.toString('hex').toUpperCase()),
  'hexadecimal digits of a database': (file) => `0x${file.toString('hex')}`,
};

test.each(Object.entries(images))('a %s that text left whole is classified like the file', (_, file) =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const expected = ClassifyAnswer.parse(await (await send(url, file)).json());
    for (const [name, change] of Object.entries(harmless)) {
      const response = await send(url, change(file));
      expect(response.status, name).toBe(200);
      const { predictions, input } = ClassifyAnswer.parse(await response.json());
      expect({ predictions, type: input.type }, name).toEqual({
        predictions: expected.predictions,
        type: expected.input.type,
      });
    }
  }),
);

/** Its characters from 0x80 to 0x9F; the others are those of Latin-1. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** What text does to a file so that bytes are lost or changed. */
const harmful: Record<string, Change> = {
  'read as UTF-8': (file) => Buffer.from(file.toString('utf8')),
  'read as ASCII': latin1((text) => text.replaceAll(/[\x80-\xff]/g, '?')),
  'read as Windows-1252': (file) =>
    Buffer.from(file.toString('latin1').replaceAll(/[\x80-\x9f]/g, (byte) => WINDOWS_1252[byte.charCodeAt(0) - 0x80]!)),
  'read as UTF-8 and written as UTF-16': (file) => Buffer.from(`\ufeff${file.toString('utf8')}`, 'utf16le'),
  'curl -d, before version 8': latin1((text) => text.replaceAll(/\0[^\n]*|[\r\n]/g, '')),
  'curl -d': latin1((text) => text.replaceAll(/[\r\n\0]/g, '')),
  'LF to CRLF': latin1((text) => text.replaceAll('\n', '\r\n')),
};
const harmfulToPng: Record<string, Change> = {
  'CRLF to LF': latin1((text) => text.replaceAll('\r\n', '\n')),
  'CR to LF': latin1((text) => text.replaceAll('\r', '\n')),
  'line ends removed': latin1((text) => text.replaceAll(/[\r\n]/g, '')),
  'the eighth bit removed': (file) => Buffer.from(file.map((byte) => byte & 0x7f)),
  'read as UTF-8, with the size of a raw image': (file) => {
    const read = Buffer.from(file.toString('utf8').slice(0, 800));
    return Buffer.concat([read, Buffer.alloc(3072 - read.length)]);
  },
};

test.each([
  ['PNG', { ...harmful, ...harmfulToPng }],
  ['JPEG', harmful],
  ['WebP', harmful],
] as const)('a %s that text damaged is refused with the reason and the remedy', (name, changes) =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    // Large enough for every kind of line end.
    const file = name === 'JPEG' ? fixture('progressive-420.jpg') : images[name];
    for (const [change, damage] of Object.entries(changes)) {
      for (const response of [
        await send(url, damage(file)),
        await send(url, bodyOf(clientForms[0]!, Buffer.from(damage(file))), clientForms[0]!.contentType),
        await send(url, JSON.stringify({ inputs: base64(Buffer.from(damage(file))) }), 'application/json'),
      ]) {
        const problem = Problem.parse(await response.json());
        expect(problem, change).toMatchObject({ status: 415, code: 'unsupported-image' });
        expect(problem.detail, change).toMatch(/sent as text.*--data-binary/);
      }
    }
  }),
);

test.each<readonly [string, string | Buffer, string]>([
  ['the name of a file', 'picture.png', '--data-binary @picture.png'],
  ['an address', 'https://example.org/cat.png', 'address'],
  ['an object of JavaScript', '[object File]', 'JavaScript'],
  ['bytes as Python prints them', `b'\\x89PNG\\r\\n'`, 'Python prints'],
  ['a form of curl -d', 'image=@picture.png', 'curl -F image=@picture.png'],
  ['an encoded form', 'image=%89PNG%0D%0A', 'curl -F image=@picture.png'],
  ['an encoded image', '%89PNG%0D%0A', 'curl -F image=@picture.png'],
  ['a form without its type', bodyOfForm(), 'its Content-Type does not say so'],
])('refuses %s with the remedy', (_, body, remedy) =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const problem = Problem.parse(await (await send(url, body)).json());
    expect(problem).toMatchObject({ status: 415, code: 'unsupported-image' });
    expect(problem.detail).toContain(remedy);
  }),
);

function bodyOfForm(): Buffer {
  return Buffer.from(bodyOf(clientForms[0]!, png));
}

test('raw images that look like text are classified', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    for (const start of [
      'image=1',
      'https://',
      '\xef\xbb\xbf',
      '{"inputs":1}',
      '--a\r\nContent-',
      'data:;base64,',
      '"',
      '\xff\xd8\xff',
    ]) {
      const body = Buffer.alloc(3072, 'A');
      body.write(start, 'latin1');
      expect((await send(url, body)).status, start).toBe(200);
    }
  }));

test('text of an image in a form part is classified', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const form = new FormData();
    form.append('image', `data:image/png;base64,${base64(png)}`);
    form.append('image', new Blob([base64(jpeg)]), 'picture.jpg');
    const answer = await (await fetch(`${url}/classify`, { method: 'POST', body: form })).json();
    const types = BatchAnswer.parse(answer).results.map((result) => 'input' in result && result.input.type);
    expect(types).toEqual(['image/png', 'image/jpeg']);
  }));

test('the form of every client is classified', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const expected = ClassifyAnswer.parse(await (await send(url, png)).json());
    for (const form of clientForms) {
      const response = await send(url, bodyOf(form, png), form.contentType);
      expect(response.status, form.client).toBe(200);
      const { predictions } = ClassifyAnswer.parse(await response.json());
      expect(predictions, form.client).toEqual(expected.predictions);
    }
  }));

function send(url: string, body: string | Uint8Array, contentType = 'application/octet-stream'): Promise<Response> {
  const bytes = new Uint8Array(Buffer.from(body as string));
  return fetch(`${url}/classify`, { method: 'POST', body: bytes, headers: { 'content-type': contentType } });
}
