import { UserError } from '#errors/user-error.ts';
import { type Machine, startMachine } from '../kernels/runtime.ts';
import { POSITIONS, WINDOW } from '../kernels/winograd.ts';
import type { Shape } from '../model/operation.ts';
import { Allocator, allocateFeatureMap, type FeatureMap, type Margin } from './feature-map.ts';

/** Addresses of the two areas that every Winograd convolution computes in. */
interface Scratch {
  readonly first: number;
  readonly second: number;
}

/** Data to write to memory once it exists. */
interface Constant {
  readonly address: number;
  readonly data: Float32Array;
}

/** The network, with its feature maps, needs more memory than there is. */
export class NetworkTooLarge extends UserError {
  override readonly name = 'NetworkTooLarge';

  constructor(bytes: number, atMost: number) {
    const megabytes = (count: number) => `${(Math.max(0, count) / 1e6).toFixed(1)} MB`;
    super(
      `Its network needs ${megabytes(bytes)} of memory, and there is ${megabytes(atMost)}. ` +
        'Serve a smaller model or one of smaller images, or give the program more memory.',
    );
  }
}

/** Decides where everything is in memory, before the memory exists. */
export class Layout {
  readonly #allocator = new Allocator();
  readonly #constants: Constant[] = [];
  readonly #filters: Constant[] = [];
  #scratchSizes = { first: 0, second: 0 };
  #scratch: Scratch | undefined;

  featureMap(images: number, shape: Shape, margin: Margin, paddedChannels?: number): FeatureMap {
    return allocateFeatureMap(this.#allocator, images, shape, margin, paddedChannels);
  }

  /** @returns the address that the data will have */
  constant(data: Float32Array): number {
    const address = this.#allocator.allocate(data.byteLength);
    this.#constants.push({ address, data });
    return address;
  }

  /**
   * Winograd's filters; they are transformed when the memory exists.
   *
   * @param window `[9, planeLength]`
   * @returns the address of `[36, planeLength]`
   */
  transformedFilters(window: Float32Array): number {
    const address = this.#allocator.allocate((POSITIONS / WINDOW) * window.byteLength);
    this.#filters.push({ address, data: window });
    this.scratch(window.byteLength, 0);
    return address;
  }

  /**
   * Makes both scratch areas at least this large, in bytes; every layer uses the same two.
   *
   * @returns a function that returns their addresses, which are known after `start`
   */
  scratch(first: number, second: number): () => Scratch {
    this.#scratchSizes = {
      first: Math.max(this.#scratchSizes.first, first),
      second: Math.max(this.#scratchSizes.second, second),
    };
    return () => this.#scratch!;
  }

  /**
   * Creates the memory, with its constants and filters.
   *
   * @param atMost bytes
   * @throws {NetworkTooLarge} it would need more; nothing was allocated
   */
  async start(atMost: number): Promise<Machine> {
    const scratch = {
      first: this.#allocator.allocate(this.#scratchSizes.first),
      second: this.#allocator.allocate(this.#scratchSizes.second),
    };
    this.#scratch = scratch;
    if (this.#allocator.bytes > atMost) throw new NetworkTooLarge(this.#allocator.bytes, atMost);
    const machine = await startMachine(this.#allocator.bytes);
    const write = (address: number, data: Float32Array) =>
      new Float32Array(machine.memory.buffer, address, data.length).set(data);
    for (const { address, data } of this.#constants) write(address, data);
    for (const { address, data } of this.#filters) {
      write(scratch.first, data);
      const plane = data.byteLength / WINDOW;
      const call = { input: scratch.first, output: address, plane, vectors: plane / 16 };
      machine.prepare([{ kernel: 'transformFilters', ...call }])();
    }
    return machine;
  }
}
