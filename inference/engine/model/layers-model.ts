import { UserError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';

/** A tensor of the weights file. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A layer as `model.json` has it. */
export interface ModelLayer {
  readonly kind: string;
  readonly name: string;
  /** Names of the layers that it reads; none for what takes the image. */
  readonly inputs: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
  /** By what follows the layer's name, such as `kernel`. */
  readonly weights: ReadonlyMap<string, Weight>;
}

export interface ParsedModel {
  /** Height, width and channels of an image. */
  readonly input: readonly [number, number, number];
  /** Each after those that it reads. */
  readonly layers: readonly ModelLayer[];
  /** Name of the layer that gives the logits. */
  readonly output: string;
}

/** This runtime does not know what the file asks for. */
export class UnsupportedModel extends UserError {
  override readonly name = 'UnsupportedModel';

  constructor(problem: string, options?: ErrorOptions) {
    super(`The model cannot be served: ${problem}. Export it again with this release.`, options);
  }
}

const LARGEST_SIDE = 4096;

/** Reads a TensorFlow.js LayersModel: a chain of layers, or a graph of them with one input and one output. */
export function parseLayersModel(modelJson: Uint8Array, weightsBin: Uint8Array): ParsedModel {
  const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(modelJson)) as File;
  const topology = modelTopology.model_config ?? modelTopology;
  const { entries, output } = readTopology(topology);
  const weights = readWeights(weightsManifest, weightsBin);
  const layers = entries.map(({ kind, config, inputs }) => {
    const name = String(config.name);
    return { kind, name, inputs, config, weights: weightsOf(name, weights) };
  });
  const shape = layers.map((layer) => layer.config.batch_input_shape).find(Array.isArray);
  if (shape?.length !== 4) throw new UnsupportedModel('it does not say which images it takes');
  // Before any room is made for them.
  if (!shape.slice(1).every((size) => Number.isInteger(size) && size >= 1 && size <= LARGEST_SIDE)) {
    throw new UnsupportedModel(`it takes images of ${JSON.stringify(shape.slice(1))}`);
  }
  return { input: shape.slice(1) as [number, number, number], layers, output };
}

type Entry = Pick<ModelLayer, 'kind' | 'inputs' | 'config'>;

function readTopology({ class_name: kind, config }: Topology): { entries: Entry[]; output: string } {
  const layers = Array.isArray(config) ? config : config.layers;
  if (kind === 'Sequential') return readChain(layers);
  if (kind !== 'Model' && kind !== 'Functional') throw new UnsupportedModel(`it is ${kind}, not a chain or a graph`);
  const { input_layers: inputs = [], output_layers: outputs = [] } = Array.isArray(config) ? {} : config;
  if (inputs.length !== 1 || outputs.length !== 1) {
    throw new UnsupportedModel(`it has ${inputs.length} inputs and ${outputs.length} outputs, not one of each`);
  }
  return { entries: readGraph(layers), output: outputs[0]![0] };
}

function readChain(layers: readonly LayerEntry[]): { entries: Entry[]; output: string } {
  const entries = layers.map(({ class_name: kind, config }, index) => {
    return { kind, config, inputs: index === 0 ? [] : [String(layers[index - 1]!.config.name)] };
  });
  return { entries, output: String(entries.at(-1)?.config.name) };
}

/** Layers are stored in an order in which they can be computed; whoever wrote another one is told so. */
function readGraph(layers: readonly LayerEntry[]): Entry[] {
  const known = new Set<string>();
  return layers.map(({ class_name: kind, config, inbound_nodes: nodes = [] }) => {
    const name = String(config.name);
    if (nodes.length > 1) throw new UnsupportedModel(`layer ${name} is used ${nodes.length} times`);
    const inputs = (nodes[0] ?? []).map(([input]) => input);
    const missing = inputs.find((input) => !known.has(input));
    if (missing !== undefined) throw new UnsupportedModel(`layer ${name} reads ${missing}, which is not before it`);
    known.add(name);
    return { kind, config, inputs };
  });
}

interface File {
  readonly modelTopology: Topology & { readonly model_config?: Topology };
  readonly weightsManifest: readonly { readonly weights: readonly WeightEntry[] }[];
}

interface Topology {
  readonly class_name: string;
  readonly config:
    | LayerEntry[]
    | {
        readonly layers: LayerEntry[];
        readonly input_layers?: readonly Node[];
        readonly output_layers?: readonly Node[];
      };
}

/** A layer's name; what follows it matters only where a layer is used more than once. */
type Node = readonly [layer: string, ...rest: unknown[]];

interface LayerEntry {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** What it reads, each time that it is used; in graphs only. */
  readonly inbound_nodes?: readonly (readonly Node[])[];
}

interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

function readWeights(manifest: File['weightsManifest'], bytes: Uint8Array): ReadonlyMap<string, Weight> {
  const weights = new Map<string, Weight>();
  let offset = 0;
  for (const { name, shape, dtype } of manifest.flatMap((group) => group.weights)) {
    if (dtype !== 'float32') throw new UnsupportedModel(`${name} has type ${dtype}`);
    const length = sizeOf(shape);
    if (offset + 4 * length > bytes.length) throw new UnsupportedModel(`its weights end within ${name}`);
    const data = new Float32Array(length);
    new Uint8Array(data.buffer).set(bytes.subarray(offset, offset + 4 * length)); // The bytes may lie anywhere.
    weights.set(name, { shape, data });
    offset += 4 * length;
  }
  return weights;
}

/** Such as `conv1/kernel`; Keras's converter has more between. */
function weightsOf(layer: string, weights: ReadonlyMap<string, Weight>): ReadonlyMap<string, Weight> {
  const own = [...weights].filter(([name]) => name.startsWith(`${layer}/`));
  return new Map(own.map(([name, weight]) => [name.split('/').at(-1)!, weight]));
}
