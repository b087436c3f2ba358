import { advance, type Code, type FunctionWriter, i32, type Local, repeat, set } from './assembler.ts';

/** Bytes of four single-precision numbers. */
export const vectorBytes = i32(16);

/**
 * Runs `body` `count` times, at least once, and adds each step to its cursor after each time; `count` is 0 afterwards.
 *
 * @param cursors addresses that move with the loop, and by how many bytes
 */
export function repeatAlong(
  count: Local,
  cursors: readonly (readonly [at: Local, step: Code])[],
  ...body: readonly Code[]
): Code {
  return repeat(
    count,
    ...body,
    cursors.map(([at, step]) => advance(at, step)),
  );
}

/** Like `repeatAlong`, with a new counter and new cursors, which `body` takes: for rows, pixels of a row, vectors of a pixel. */
export function forEach(
  writer: FunctionWriter,
  count: Code,
  cursors: readonly (readonly [start: Code, step: Code])[],
  body: (...at: readonly Local[]) => Code,
): Code {
  const left = writer.local('i32');
  const moving = cursors.map(([start, step]) => ({ at: writer.local('i32'), start, step }));
  return [
    set(left, count),
    moving.map(({ at, start }) => set(at, start)),
    repeatAlong(
      left,
      moving.map(({ at, step }) => [at, step] as const),
      body(...moving.map(({ at }) => at)),
    ),
  ];
}
