import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sizeOf } from '#models/size-of.ts';
import type { TensorFlow } from '../tensorflow.ts';
import { type Graph, GraphError, referenceTo, show, type Value, type Variable } from './builder/graph.ts';
import { dataTypeNumber, encodeSavedModel, savedModelTag } from './builder/protobuf.ts';

export type Feed = readonly [placeholder: Value, values: Float32Array | Int32Array | Uint8Array];

/** A loaded graph and its variables. Between calls nothing but the variables is kept. */
export interface Session {
  /**
   * Runs what the fetched values need, in one call.
   *
   * @param fetches of type float32
   * @returns copies, in the order of `fetches`
   */
  run(feeds: readonly Feed[], fetches: readonly Value[]): Float32Array[];

  /** Sets variables: each must be set before it is read. */
  assign(values: readonly (readonly [Variable, Float32Array | Int32Array | Uint8Array])[]): void;

  /** Frees the variables. A second call does nothing. */
  dispose(): void;
}

/**
 * Hands a graph to TensorFlow. Later additions to the graph have no effect.
 *
 * The stock addon can load and run a SavedModel, which may hold any graph.
 */
export function openSession({ binding }: Pick<TensorFlow, 'binding'>, graph: Graph): Session {
  const { nodes, functions } = graph.definition();
  const folder = mkdtempSync(join(tmpdir(), `cifar10-graph-${process.pid}-`));
  let session: number | undefined;
  try {
    writeFileSync(join(folder, 'saved_model.pb'), encodeSavedModel(nodes, functions));
    session = binding.loadSavedModel(folder, savedModelTag);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }

  const run = (feeds: readonly Feed[], fetches: readonly Value[]): Float32Array[] => {
    if (session === undefined) throw new GraphError('This session was disposed of.');
    const tensors: number[] = [];
    try {
      for (const [{ shape, type, operation }, values] of feeds) {
        if (values.length !== sizeOf(shape)) {
          throw new GraphError(`${operation.name} is ${show(shape)} and was fed ${values.length} values.`);
        }
        tensors.push(binding.createTensor(shape, dataTypeNumber[type], values));
      }
      const names = (values: readonly Value[]) => values.map(referenceTo).join(',');
      const outputs = binding.runSavedModel(session, tensors, names(feeds.map(([value]) => value)), names(fetches));
      tensors.push(...outputs.map(({ id }) => id));
      return outputs.map(({ id }) => binding.tensorDataSync(id) as Float32Array);
    } finally {
      for (const tensor of tensors) binding.deleteTensor(tensor);
    }
  };

  return {
    run,
    assign(values) {
      if (values.length === 0) return;
      run(
        values.map(([variable, data]) => [variable.next, copyForVariable(data)]),
        values.map(([variable]) => variable.assigned),
      );
    },
    dispose() {
      if (session !== undefined) binding.deleteSavedModel(session);
      session = undefined;
    },
  };
}

/**
 * A copy that TensorFlow copies once more, into its own memory.
 *
 * It shares the memory of an array that lies on a boundary of 64 bytes, and has JavaScript's reference to it dropped when the
 * tensor goes: for a variable, in the thread that gives it its next value. V8 does not survive that. An array that begins four
 * bytes into its buffer never lies so.
 */
function copyForVariable<Values extends Float32Array | Int32Array | Uint8Array>(values: Values): Values {
  const copy = new (values.constructor as new (buffer: ArrayBuffer, from: number, length: number) => Values)(
    new ArrayBuffer(4 + values.byteLength),
    4,
    values.length,
  );
  copy.set(values);
  return copy;
}
