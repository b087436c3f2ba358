import { UserError } from '#errors/user-error.ts';

/** A tensor of the weights file. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A layer as `model.json` has it. */
export interface ModelLayer {
  readonly kind: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** By what follows the layer's name, such as `kernel`. */
  readonly weights: ReadonlyMap<string, Weight>;
}

export interface ParsedModel {
  /** Height, width and channels of an image. */
  readonly input: readonly [number, number, number];
  readonly layers: readonly ModelLayer[];
}

/** This runtime does not know what the file asks for. */
export class UnsupportedModel extends UserError {
  override readonly name = 'UnsupportedModel';

  constructor(problem: string) {
    super(`The model cannot be served: ${problem}. Export it again with this release.`);
  }
}

/** Reads a TensorFlow.js LayersModel, which must be a chain of layers. */
export function parseLayersModel(modelJson: Uint8Array, weightsBin: Uint8Array): ParsedModel {
  const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(modelJson)) as File;
  const topology = modelTopology.model_config ?? modelTopology;
  if (topology.class_name !== 'Sequential') throw new UnsupportedModel(`it is ${topology.class_name}, not Sequential`);
  const { config } = topology;
  const layers = Array.isArray(config) ? config : config.layers;
  const weights = readWeights(weightsManifest, weightsBin);
  const parsed = layers.map(({ class_name: kind, config: own }) => {
    const name = String(own.name);
    return { kind, name, config: own, weights: weightsOf(name, weights) };
  });
  const shape = parsed.map((layer) => layer.config.batch_input_shape).find(Array.isArray);
  if (shape?.length !== 4) throw new UnsupportedModel('it does not say which images it takes');
  return { input: shape.slice(1) as [number, number, number], layers: parsed };
}

interface File {
  readonly modelTopology: Topology & { readonly model_config?: Topology };
  readonly weightsManifest: readonly { readonly weights: readonly WeightEntry[] }[];
}

interface Topology {
  readonly class_name: string;
  readonly config: LayerEntry[] | { readonly layers: LayerEntry[] };
}

interface LayerEntry {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
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
    const length = shape.reduce((product, size) => product * size, 1);
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
