import { UserError } from '#errors/user-error.ts';
import { checkTensors } from '../nets/named-tensor.ts';
import type { Net } from '../nets/net.ts';
import { resizedNet, weightSpecs } from '../nets/shapes.ts';
import type { ParameterGroup } from '../recipe/optimizer.ts';
import type { EngineOptions, StepOptions } from './engine.ts';

/**
 * @throws {InvalidNet} the net contradicts itself, or does not fit images of a resolution
 * @throws {UserError} the weights do not fit the net, or a group names a weight that cannot be trained
 */
export function checkOptions(options: EngineOptions): void {
  const { net, weights, groups, freezable = [], classWeights, lookahead, average } = options;
  if (lookahead && average) throw new RangeError('An engine keeps one slow average: for lookahead, or for an average.');
  trainedNets(options);
  const specs = new Map(weightSpecs(net).map((spec) => [spec.name, spec]));
  checkTensors(
    `The weights of net ${net.name}`,
    weights,
    new Map([...specs].map(([name, { shape }]) => [name, shape])),
  );
  if (classWeights !== undefined && classWeights.length !== net.classes) {
    throw new UserError(
      `Net ${net.name} has ${net.classes} classes, and ${classWeights.length} class weights were given.`,
    );
  }
  const groupOf = new Map<string, string>();
  for (const group of groups) {
    for (const name of group.weights) {
      const spec = specs.get(name);
      if (!spec) throw new UserError(`Group ${group.name} names ${name}, which net ${net.name} does not have.`);
      if (!spec.trainable) throw new UserError(`Group ${group.name} names ${name}, which is never trained.`);
      const other = groupOf.get(name);
      if (other !== undefined) throw new UserError(`${name} is in two groups: ${other} and ${group.name}.`);
      groupOf.set(name, group.name);
    }
  }
  for (const name of freezable.flat()) {
    if (!groups.some((group) => group.name === name)) {
      throw new UserError(`Group ${name} is freezable, but no group has this name.`);
    }
  }
}

/** @throws {RangeError} the engine keeps no slow average that the weights meet or, in the end, become */
export function checkSlow({ lookahead, average }: EngineOptions): void {
  if (!lookahead && !average) throw new RangeError('This engine keeps no slow average: compile it with lookahead.');
}

/** @throws {RangeError} the engine was not compiled to average its weights */
export function checkAverage({ average }: EngineOptions): void {
  if (!average) throw new RangeError('This engine does not average its weights: compile it with average.');
}

/**
 * The nets that steps train: the one for images of their own size, then one for each resolution. They share their weights.
 *
 * @throws {InvalidNet} a net does not fit images of a resolution
 */
export function trainedNets({
  net,
  resolutions = [],
}: Pick<EngineOptions, 'net' | 'resolutions'>): readonly [Net, ...Net[]] {
  return [net, ...resolutions.map((side) => resizedNet(net, side))];
}

/** Which of `trainedNets` a step trains. @throws {RangeError} the engine was compiled without this resolution */
export function trainedNet({ resolutions = [] }: EngineOptions, { resolution }: StepOptions): number {
  if (resolution === undefined) return 0;
  const index = resolutions.indexOf(resolution);
  if (index >= 0) return index + 1;
  throw new RangeError(
    `A step reduces its images to ${resolution} pixels; this engine was compiled for ${resolutions.join(', ') || 'none'}.`,
  );
}

/** The groups that a step trains, those that have a learning rate, and which kind of step that is. */
interface Active {
  readonly groups: readonly ParameterGroup[];
  /** 0 for a step of all groups, else the number of the set of `freezable` that it leaves out, from 1. */
  readonly kind: number;
}

/** @throws {RangeError} the groups without a learning rate are not a freezable set */
export function activeGroups({ groups, freezable = [] }: EngineOptions, { learningRates }: StepOptions): Active {
  const active = groups.filter(({ name }) => learningRates[name] !== undefined);
  const left = groups.filter(({ name }) => learningRates[name] === undefined).map(({ name }) => name);
  const isLeft = (set: readonly string[]) => set.length === left.length && left.every((name) => set.includes(name));
  const set = freezable.findIndex(isLeft);
  if (left.length > 0 && set < 0) {
    throw new RangeError(
      `A step gave no learning rate to ${left.join(', ')}; ` +
        (freezable.length > 0
          ? `only ${freezable.map((names) => names.join(', ')).join('; or ')} can be left out, all together.`
          : 'no group is freezable.'),
    );
  }
  const unknown = Object.keys(learningRates).find((name) => !groups.some((group) => group.name === name));
  if (unknown !== undefined) throw new RangeError(`A step gave a learning rate to ${unknown}, which is not a group.`);
  return { groups: active, kind: left.length === 0 ? 0 : set + 1 };
}
