import * as tf from '@tensorflow/tfjs-core';
import { checkTensors, type NamedTensor } from '../../nets/named-tensor.ts';
import { weightSpecs } from '../../nets/shapes.ts';
import type { Optimizer } from '../../recipe/optimizer.ts';
import type { EngineOptions } from '../engine.ts';

/** The slots that an optimizer keeps for each weight. */
const slots = { sgd: ['momentum'], adamw: ['first_moment', 'second_moment'], muon: ['momentum'] } as const;

export function slotNames(weight: string, optimizer: Optimizer): string[] {
  return slots[optimizer.kind].map((slot) => `${weight}/${slot}`);
}

export function slowName(weight: string): string {
  return `${weight}/slow`;
}

/** The number of a group's updates, by which Adam's moments are corrected. */
export function updatesName(group: string): string {
  return `${group}/updates`;
}

/** The tensors that a training engine owns, by name: everything that a step changes, and the constants. */
export class State {
  readonly #tensors = new Map<string, tf.Tensor>();

  constructor(options: EngineOptions) {
    const zeros = ({ name, shape }: NamedTensor) => this.set(name, tf.zeros([...shape]));
    const initial = new Map(options.weights.map((weight) => [weight.name, weight]));
    const statistics = weightSpecs(options.net).filter(({ role }) => role.startsWith('moving-'));
    const changing = [...options.groups.flatMap(({ weights }) => weights), ...statistics.map(({ name }) => name)];

    for (const weight of options.weights) this.#load(weight);
    for (const { name: group, weights, optimizer } of options.groups) {
      for (const weight of weights) {
        for (const name of slotNames(weight, optimizer)) zeros({ ...initial.get(weight)!, name });
      }
      if (optimizer.kind === 'adamw') this.set(updatesName(group), tf.scalar(0));
    }
    if (options.lookahead || options.average)
      for (const name of changing) this.#load({ ...initial.get(name)!, name: slowName(name) });
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  get(name: string): tf.Tensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new RangeError(`This engine has no tensor ${name}, or was disposed of.`);
    return tensor;
  }

  /** Takes a tensor over, and disposes of the one that it replaces. */
  set(name: string, tensor: tf.Tensor): void {
    this.#tensors.get(name)?.dispose();
    this.#tensors.set(name, tf.keep(tensor));
  }

  /** Copies of the tensors of these names. @default all */
  read(names: Iterable<string> = this.#tensors.keys()): NamedTensor[] {
    return Array.from(names, (name) => {
      const tensor = this.get(name);
      return { name, shape: tensor.shape, data: Float32Array.from(tensor.dataSync<'float32'>()) };
    });
  }

  /** @throws {UserError} a tensor is missing, unknown, or has another shape */
  restore(saved: readonly NamedTensor[]): void {
    checkTensors('The saved tensors', saved, new Map([...this.#tensors].map(([name, { shape }]) => [name, shape])));
    for (const tensor of saved) this.#load(tensor);
  }

  dispose(): void {
    for (const tensor of this.#tensors.values()) tensor.dispose();
    this.#tensors.clear();
  }

  #load({ name, shape, data }: NamedTensor): void {
    // A copy: a backend may keep using the array that it is given.
    this.set(name, tf.tensor(Float32Array.from(data), [...shape], 'float32'));
  }
}
