/**
 * TensorFlow's protocol buffers: encodes a graph, given as plain data, as the bytes of a SavedModel.
 *
 * @see tensorflow/core/framework/graph.proto, function.proto, attr_value.proto, tensor.proto, and
 *   tensorflow/core/protobuf/saved_model.proto, which give the fields their numbers
 */
import { Message } from '../../../protobuf/message.ts';

/** TensorFlow's type of a tensor in a graph, not TensorFlow.js's. */
export type DataType = 'float32' | 'bfloat16' | 'float16' | 'int32' | 'uint8' | 'int64' | 'bool' | 'resource';

/** The numbers of TensorFlow's `DataType`. */
export const dataTypeNumber: Readonly<Record<DataType, number>> = {
  float32: 1,
  int32: 3,
  uint8: 4,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  float16: 19,
  resource: 20,
};

export type Attribute =
  | boolean
  | string
  | { readonly type: DataType }
  | { readonly types: readonly DataType[] }
  | { readonly shape: readonly number[] }
  | { readonly shapes: readonly (readonly number[])[] }
  | { readonly integer: number }
  | { readonly integers: readonly number[] }
  | { readonly float: number }
  | { readonly function: string }
  | { readonly tensor: Constant };

export interface Constant {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

export interface NodeDefinition {
  readonly name: string;
  readonly op: string;
  /** `node`, `node:1`, or `^node` where only the order matters. */
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly inputs: readonly ArgumentDefinition[];
  readonly outputs: readonly (ArgumentDefinition & { readonly from: string })[];
  /** Here an input is an argument's name or `node:output:index`. */
  readonly nodes: readonly NodeDefinition[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

interface ArgumentDefinition {
  readonly name: string;
  readonly type: DataType;
}

export const savedModelTag = 'serve';

/** @returns the bytes of `saved_model.pb` */
export function encodeSavedModel(
  nodes: readonly NodeDefinition[],
  functions: readonly FunctionDefinition[],
): Uint8Array {
  const graph = new Message();
  for (const node of nodes) graph.message(1, nodeDef(node));
  const library = new Message();
  for (const definition of functions) library.message(1, functionDef(definition));
  const versions = new Message().number(1, 1087); // the GraphDef version of TensorFlow 2.9; newer ones read it
  graph.message(4, versions).message(2, library);
  const information = new Message().text(4, savedModelTag);
  const metaGraph = new Message().message(1, information).message(2, graph);
  return new Message().number(1, 1).message(2, metaGraph).encode();
}

function nodeDef({ name, op, inputs, attributes }: NodeDefinition): Message {
  const node = new Message().text(1, name).text(2, op);
  for (const input of inputs) node.text(3, input);
  return withAttributes(node, attributes);
}

function functionDef({ name, inputs, outputs, nodes, attributes }: FunctionDefinition): Message {
  const signature = new Message().text(1, name);
  for (const input of inputs) signature.message(2, argumentDef(input));
  for (const output of outputs) signature.message(3, argumentDef(output));
  const definition = withAttributes(new Message().message(1, signature), attributes);
  for (const node of nodes) definition.message(3, nodeDef(node));
  for (const output of sortedByName(outputs)) {
    definition.message(4, new Message().text(1, output.name).text(2, output.from));
  }
  return definition;
}

function argumentDef({ name, type }: ArgumentDefinition): Message {
  return new Message().text(1, name).number(3, dataTypeNumber[type]);
}

/** Field 5 of a node and of a function: a map. */
function withAttributes(message: Message, attributes: Readonly<Record<string, Attribute>>): Message {
  const entries = Object.entries(attributes).map(([name, attribute]) => ({ name, attribute }));
  for (const { name, attribute } of sortedByName(entries)) {
    message.message(5, new Message().text(1, name).message(2, attrValue(attribute)));
  }
  return message;
}

function attrValue(attribute: Attribute): Message {
  const value = new Message();
  if (typeof attribute === 'boolean') return value.number(5, Number(attribute));
  if (typeof attribute === 'string') return value.text(2, attribute);
  if ('type' in attribute) return value.number(6, dataTypeNumber[attribute.type]);
  if ('integer' in attribute) return value.number(3, attribute.integer);
  if ('float' in attribute) return value.float(4, attribute.float);
  if ('shape' in attribute) return value.message(7, tensorShape(attribute.shape));
  if ('tensor' in attribute) return value.message(8, tensorProto(attribute.tensor));
  if ('function' in attribute) return value.message(10, new Message().text(1, attribute.function));
  const list = new Message();
  if ('types' in attribute) {
    list.numbers(
      6,
      attribute.types.map((type) => dataTypeNumber[type]),
    );
  } else if ('shapes' in attribute) for (const shape of attribute.shapes) list.message(7, tensorShape(shape));
  else list.numbers(3, attribute.integers);
  return value.message(1, list);
}

function tensorShape(shape: readonly number[]): Message {
  const encoded = new Message();
  // Zero is the default, which is left out.
  for (const size of shape) encoded.message(2, size === 0 ? new Message() : new Message().number(1, size));
  return encoded;
}

function tensorProto({ type, shape, values }: Constant): Message {
  const content = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const tensor = new Message().number(1, dataTypeNumber[type]).message(2, tensorShape(shape));
  return content.length === 0 ? tensor : tensor.bytes(4, content);
}

/** The entries of a map in the order of their keys, so that equal graphs are equal bytes. */
function sortedByName<Entry extends { readonly name: string }>(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}
