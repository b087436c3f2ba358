import { UserError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';
import type { Shape } from './shapes.ts';

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** @throws {UserError} a tensor is missing, unknown, or has another shape */
export function checkTensors(
  what: string,
  tensors: readonly NamedTensor[],
  expected: ReadonlyMap<string, Shape>,
): void {
  const given = new Set<string>();
  for (const { name, shape, data } of tensors) {
    const wanted = expected.get(name);
    if (!wanted) throw new UserError(`${what} hold ${name}, which is unknown here.`);
    if (given.has(name)) throw new UserError(`${what} hold ${name} twice.`);
    given.add(name);
    const length = sizeOf(wanted);
    if (shape.join() !== wanted.join() || data.length !== length) {
      throw new UserError(`${what} hold ${name} as [${shape}] of ${data.length} values; it must be [${wanted}].`);
    }
  }
  for (const name of expected.keys()) if (!given.has(name)) throw new UserError(`${what} lack ${name}.`);
}
