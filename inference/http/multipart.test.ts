import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyOf, clientForms } from './forms.fixture.ts';
import { readMultipart } from './multipart.ts';
import { RequestError } from './problem.ts';

/** Bytes that look like the framing around them. */
const picture = Buffer.from('\r\n\x89PNG\r\n\x1a\n\0\xff\xfe--edg\r\n--\n--edge-\rx', 'latin1');

test.each(clientForms)('$client', (form) => {
  const images = readMultipart(form.contentType, bodyOf(form, picture)).filter(({ name }) => name === 'image');
  expect(images).toHaveLength(1);
  expect(images[0]!.body.toString('latin1')).toBe(picture.toString('latin1'));
});

test('a CR before the last line belongs to the picture where no line ends with CR', () => {
  const body = Buffer.from('--edge\nContent-Disposition: form-data; name="image"\n\nxy\r\n--edge--\n');
  expect(readMultipart('multipart/form-data; boundary=edge', body)[0]!.body.toString()).toBe('xy\r');
});

const boundaries = fc.string({
  unit: fc.constantFrom(..."abcXYZ019'()+_,-./:=? "),
  minLength: 1,
  maxLength: 70,
});
const parts = fc.record({
  name: fc.string({ unit: 'grapheme', maxLength: 20 }),
  fileName: fc.option(fc.string({ unit: 'grapheme', maxLength: 20 }), { nil: undefined }),
  body: fc.uint8Array({ maxLength: 100 }),
  isBase64: fc.boolean(),
});

test('reads every well-formed form as it was written', () => {
  const forms = fc.record({
    boundary: boundaries.filter((boundary) => boundary.trim() === boundary),
    parts: fc.array(parts, { maxLength: 5 }),
    preamble: fc.constantFrom('', 'A preamble.\r\n', '\r\n'),
    epilogue: fc.constantFrom('', '\r\n', '\r\nAn epilogue.', '\r\n--'),
    padding: fc.constantFrom('', ' ', '\t '),
  });
  fc.assert(
    fc.property(forms, ({ boundary, parts, preamble, epilogue, padding }) => {
      const delimiter = `--${boundary}${padding}\r\n`;
      const written = parts.map(({ name, fileName, body, isBase64 }) => {
        const file = fileName === undefined ? '' : `; filename="${escaped(fileName)}"`;
        const encoding = isBase64 ? 'Content-Transfer-Encoding: base64\r\n' : '';
        const head = `${delimiter}Content-Disposition: form-data; name="${escaped(name)}"${file}\r\n${encoding}\r\n`;
        const sent = isBase64 ? Buffer.from(Buffer.from(body).toString('base64')) : body;
        return Buffer.concat([Buffer.from(head), sent, Buffer.from('\r\n')]);
      });
      fc.pre(parts.every(({ body }) => !Buffer.from(body).toString('latin1').includes(`--${boundary}`)));
      const body = Buffer.concat([Buffer.from(preamble), ...written, Buffer.from(`--${boundary}--${epilogue}`)]);
      const read = readMultipart(`multipart/form-data; boundary="${boundary}"`, body);
      expect(read.map(({ name, isFile, body }) => ({ name, isFile, body: [...body] }))).toEqual(
        parts.map(({ name, fileName, body }) => ({ name, isFile: fileName !== undefined, body: [...body] })),
      );
    }),
    { numRuns: 500 },
  );
});

/** As in a quoted string; no header has line ends. */
function escaped(text: string): string {
  return text.replaceAll(/[\\"]/g, '\\$&');
}

test('reads any bytes, or refuses them', () => {
  const fragments = fc.oneof(
    fc.constantFrom(
      '--edge',
      '--edge--',
      '\r\n',
      '\n',
      '\r',
      ' ',
      'Content-Disposition: form-data; name="image"',
      ': ',
    ),
    fc.constantFrom(
      'filename="',
      '\\',
      '"',
      ';',
      '=',
      "name*=UTF-8''%",
      '\r\n\r\n',
      'Content-Transfer-Encoding: base64',
    ),
    fc.string({ unit: 'binary', maxLength: 5 }),
  );
  const bodies = fc.oneof(
    fc.array(fragments, { maxLength: 30 }).map((all) => Buffer.from(all.join(''), 'latin1')),
    fc.uint8Array({ maxLength: 100 }),
  );
  const types = fc.oneof(
    { weight: 5, arbitrary: fc.constant('multipart/form-data; boundary=edge') },
    fc.array(fragments, { maxLength: 6 }).map((all) => `multipart/form-data; boundary=${all.join('')}`),
  );
  fc.assert(
    fc.property(types, bodies, (type, body) => {
      try {
        for (const part of readMultipart(type, body)) expect(part.body.length).toBeLessThanOrEqual(body.length);
      } catch (error) {
        expect(error).toBeInstanceOf(RequestError);
      }
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['delimiters', '--edge\r\n'],
  ['delimiters without an end', '--edge'],
  ['spaces', ' '],
  ['spaces after a delimiter', '--edge        '],
  ['line ends', '\r\n'],
  ['quotes', '="'],
  ['backslashes', '\\"'],
  ['headers', 'A: b\r\n'],
  ['folded headers', ' ;a="b\r\n'],
  ['equals signs', '=   '],
])('reads a megabyte of %s without delay', (_, text) => {
  const head = '--edge\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Disposition: form-data; name="';
  for (const start of [head, `${head}image"\r\n\r\n`]) {
    const body = Buffer.from(`${start}${text.repeat(1e6 / text.length)}\r\n--edge--`);
    const before = process.cpuUsage();
    try {
      readMultipart('multipart/form-data; boundary=edge', body);
    } catch (error) {
      expect(error).toBeInstanceOf(RequestError);
    }
    // Microseconds of work, not of waiting for a busy processor.
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
  }
});

test.each([
  [
    'multipart/form-data',
    '--edge\r\nContent-Type: a/b\r\n\r\n\r\n--edge--',
    'has no boundary, but the body has "edge"',
  ],
  ['multipart/form-data; boundary=', 'x', 'has no boundary. Let the client write'],
  ['multipart/form-data; boundary=edge', '', 'The form is empty'],
  ['multipart/form-data; boundary=edge', '\x89PNG', 'no line "--edge"'],
  ['multipart/form-data; boundary=----x', '----x\r\nContent-Type: a/b\r\n\r\n\r\n----x--', 'It has "----x" instead'],
  ['multipart/form-data; boundary=edge', '--edge\r\nA: b\r\n\r\ncut', 'no last line "--edge--". It was cut off'],
  [
    'multipart/form-data; boundary=edge',
    `--edge\r\n${'A: b\r\n'.repeat(3000)}\r\n\r\n--edge--`,
    '16384 bytes of headers',
  ],
  [
    'multipart/form-data; boundary=edge',
    `${'--edge\r\nA: b\r\n\r\n\r\n'.repeat(1001)}--edge--`,
    'more than 1000 parts',
  ],
  [
    'multipart/form-data; boundary=edge',
    '--edge\r\nContent-Disposition: form-data; name="image"\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n\r\n--edge--',
    'The part "image" is itself multipart/mixed',
  ],
])('refuses %s %#', (type, body, reason) => {
  expect(() => readMultipart(type, Buffer.from(body, 'latin1'))).toThrow(reason);
});
