import { expect, test } from 'vitest';
import { Message } from './message.ts';

const hex = (message: Message) => Buffer.from(message.encode()).toString('hex');

// Examples of https://protobuf.dev/programming-guides/encoding/
test.each([
  ['a varint', new Message().number(1, 150), '089601'],
  ['a string', new Message().text(2, 'testing'), '120774657374696e67'],
  ['a message in a message', new Message().message(3, new Message().number(1, 150)), '1a03089601'],
  ['a packed field', new Message().numbers(6, [3, 270, 86942]), '3206038e029ea705'],
  ['an empty packed field', new Message().numbers(6, []), ''],
  ['a negative number', new Message().number(1, -2), '08feffffffffffffffff01'],
  ['a number of more than 32 bits', new Message().number(1, 2 ** 40), '08808080808020'],
  ['a float', new Message().float(1, 1), '0d0000803f'],
  ['a double', new Message().double(1, 1), '09000000000000f03f'],
  ['fields after bytes', new Message().bytes(1, Uint8Array.of(7, 8)).number(2, 1), '0a0207081001'],
])('encodes %s', (_, message, bytes) => {
  expect(hex(message)).toBe(bytes);
});
