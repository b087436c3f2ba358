import type { Net } from '../nets/net.ts';

/** A layer as Keras and TensorFlow.js write it in a model's configuration. */
export interface KerasLayer {
  readonly class_name: string;
  readonly config: { readonly name: string; readonly [option: string]: unknown };
  /** Names of the layers that it reads; none for the first, which reads the images. */
  readonly inputs: readonly string[];
}

/** Whether each layer reads the one before it and nothing else. */
export function isChain(layers: readonly KerasLayer[]): boolean {
  return layers.every(({ inputs }, index) => inputs.join() === (layers[index - 1]?.config.name ?? ''));
}

/**
 * The configuration of a Functional model: of a graph of layers, which an input layer and edges by name are added to.
 *
 * @param layers each after those that it reads, the last one returns the logits
 */
export function functionalConfig({ name, input }: Net, layers: readonly KerasLayer[]) {
  const names = new Set(layers.map(({ config }) => config.name));
  const images = unusedName('images', names);
  const config = { name: images, batch_input_shape: [null, ...input], dtype: 'float32', sparse: false };
  const output = layers.at(-1)!.config.name;
  return {
    name,
    layers: [
      { name: images, class_name: 'InputLayer', config, inbound_nodes: [] },
      ...layers.map(({ class_name, config, inputs }) => ({
        name: config.name,
        class_name,
        config,
        inbound_nodes: [(inputs.length === 0 ? [images] : inputs).map((each) => [each, 0, 0, {}])],
      })),
    ],
    input_layers: [[images, 0, 0]],
    output_layers: [[output, 0, 0]],
  };
}

/** The name itself, or the name with as many underscores behind it as make it unused. */
export function unusedName(name: string, used: ReadonlySet<string>): string {
  return used.has(name) ? unusedName(`${name}_`, used) : name;
}
