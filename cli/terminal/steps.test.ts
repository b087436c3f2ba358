import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { step } from './steps.ts';

const { stderr } = process;
const was = { isTTY: stderr.isTTY, columns: stderr.columns };
let written: string[];
beforeEach(() => {
  vi.useFakeTimers();
  written = [];
  vi.spyOn(stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  Object.assign(stderr, was);
});

/** A minute of work that reports ten times a second. */
async function work(report: (line: string) => void): Promise<void> {
  for (let line = 0; line < 600; line++) {
    report(`${line} of 600 resources, AWS::ApiGateway::GatewayResponse and a name that is long`);
    await vi.advanceTimersByTimeAsync(100);
  }
}

describe('the progress of a step', () => {
  it.each([20, 60, 200])(
    'fits into one row of a terminal with %i columns, so that it leaves nothing behind',
    async (columns) => {
      Object.assign(stderr, { isTTY: true, columns });
      await step('deploy the stack', work);
      const drawn = written.map((text) => stripVTControlCharacters(text).replaceAll('\r', ''));
      const ended = drawn.pop();
      expect(drawn.length).toBeGreaterThan(100);
      for (const line of drawn) {
        expect(line.length).toBeLessThan(columns);
        expect(line).not.toContain('\n');
      }
      expect(ended).toBe('✓ deploy the stack 60.0 s\n');
    },
  );

  it('is a line every ten seconds where there is no terminal', async () => {
    Object.assign(stderr, { isTTY: false, columns: undefined });
    await step('destroy the stack', work);
    const lines = stripVTControlCharacters(written.join('')).trimEnd().split('\n');
    expect(lines).toHaveLength(7);
    expect(lines[0]).toBe('● destroy the stack');
    expect(lines[1]).toMatch(/^ {2}\d+ of 600 resources/);
    expect(lines.at(-1)).toBe('✓ destroy the stack 60.0 s');
  });
});
