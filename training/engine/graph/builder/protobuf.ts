/**
 * TensorFlow's protocol buffers, as far as we write them: a graph is given as plain data and comes out as the bytes of a
 * SavedModel. The classes are those that `@tensorflow/tfjs-node` carries; it has no types for them.
 *
 * @see tensorflow/core/framework/graph.proto, function.proto, attr_value.proto, saved_model.proto
 */

/** Of a tensor in a graph. TensorFlow's types, not TensorFlow.js's. */
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

/** The bytes of `saved_model.pb`. */
export function encodeSavedModel(
  protobuf: unknown,
  nodes: readonly NodeDefinition[],
  functions: readonly FunctionDefinition[],
): Uint8Array {
  return new Encoder(protobuf as Classes).savedModel(nodes, functions);
}

class Encoder {
  readonly #classes: Classes;

  constructor(classes: Classes) {
    this.#classes = classes;
  }

  savedModel(nodes: readonly NodeDefinition[], functions: readonly FunctionDefinition[]): Uint8Array {
    const { GraphDef, FunctionDefLibrary, MetaGraphDef, SavedModel, VersionDef } = this.#classes;
    const library = new FunctionDefLibrary();
    for (const definition of functions) library.addFunction(this.#function(definition));
    const versions = new VersionDef();
    versions.setProducer(1087); // the GraphDef version of TensorFlow 2.9; newer ones read it
    const graph = new GraphDef();
    for (const node of nodes) graph.addNode(this.#node(node));
    graph.setLibrary(library);
    graph.setVersions(versions);
    const information = new MetaGraphDef.MetaInfoDef();
    information.addTags(savedModelTag);
    const metaGraph = new MetaGraphDef();
    metaGraph.setMetaInfoDef(information);
    metaGraph.setGraphDef(graph);
    const model = new SavedModel();
    model.setSavedModelSchemaVersion(1);
    model.addMetaGraphs(metaGraph);
    return model.serializeBinary();
  }

  #node(definition: NodeDefinition): NodeDef {
    const node = new this.#classes.NodeDef();
    node.setName(definition.name);
    node.setOp(definition.op);
    for (const input of definition.inputs) node.addInput(input);
    this.#setAttributes(node, definition.attributes);
    return node;
  }

  #function(definition: FunctionDefinition): FunctionDef {
    const { FunctionDef, OpDef } = this.#classes;
    const signature = new OpDef();
    signature.setName(definition.name);
    for (const input of definition.inputs) signature.addInputArg(this.#argument(input));
    for (const output of definition.outputs) signature.addOutputArg(this.#argument(output));
    const encoded = new FunctionDef();
    encoded.setSignature(signature);
    for (const node of definition.nodes) encoded.addNodeDef(this.#node(node));
    for (const output of definition.outputs) encoded.getRetMap().set(output.name, output.from);
    this.#setAttributes(encoded, definition.attributes);
    return encoded;
  }

  #argument({ name, type }: ArgumentDefinition): ArgDef {
    const argument = new this.#classes.OpDef.ArgDef();
    argument.setName(name);
    argument.setType(dataTypeNumber[type]);
    return argument;
  }

  #setAttributes(to: WithAttributes, attributes: Readonly<Record<string, Attribute>>): void {
    for (const [name, attribute] of Object.entries(attributes)) to.getAttrMap().set(name, this.#attribute(attribute));
  }

  #attribute(attribute: Attribute): AttrValue {
    const { AttrValue, NameAttrList } = this.#classes;
    const value = new AttrValue();
    if (typeof attribute === 'boolean') value.setB(attribute);
    else if (typeof attribute === 'string') value.setS(Buffer.from(attribute));
    else if ('type' in attribute) value.setType(dataTypeNumber[attribute.type]);
    else if ('integer' in attribute) value.setI(attribute.integer);
    else if ('float' in attribute) value.setF(attribute.float);
    else if ('shape' in attribute) value.setShape(this.#shape(attribute.shape));
    else if ('tensor' in attribute) value.setTensor(this.#tensor(attribute.tensor));
    else if ('function' in attribute) {
      const called = new NameAttrList();
      called.setName(attribute.function);
      value.setFunc(called);
    } else {
      const list = new AttrValue.ListValue();
      if ('types' in attribute) for (const type of attribute.types) list.addType(dataTypeNumber[type]);
      else if ('shapes' in attribute) for (const shape of attribute.shapes) list.addShape(this.#shape(shape));
      else for (const integer of attribute.integers) list.addI(integer);
      value.setList(list);
    }
    return value;
  }

  #shape(shape: readonly number[]): TensorShape {
    const { TensorShape } = this.#classes;
    const encoded = new TensorShape();
    for (const size of shape) {
      const dimension = new TensorShape.Dim();
      dimension.setSize(size);
      encoded.addDim(dimension);
    }
    return encoded;
  }

  #tensor({ type, shape, values }: Constant): TensorMessage {
    const tensor = new this.#classes.Tensor();
    tensor.setDtype(dataTypeNumber[type]);
    tensor.setTensorShape(this.#shape(shape));
    tensor.setTensorContent(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return tensor;
  }
}

/** What we call of the generated classes. */
interface Classes {
  readonly AttrValue: (new () => AttrValue) & { readonly ListValue: new () => ListValue };
  readonly FunctionDef: new () => FunctionDef;
  readonly FunctionDefLibrary: new () => FunctionDefLibrary;
  readonly GraphDef: new () => GraphDef;
  readonly MetaGraphDef: (new () => MetaGraphDef) & { readonly MetaInfoDef: new () => MetaInfoDef };
  readonly NameAttrList: new () => NameAttrList;
  readonly NodeDef: new () => NodeDef;
  readonly OpDef: (new () => OpDef) & { readonly ArgDef: new () => ArgDef };
  readonly SavedModel: new () => SavedModel;
  readonly Tensor: new () => TensorMessage;
  readonly TensorShape: (new () => TensorShape) & { readonly Dim: new () => Dimension };
  readonly VersionDef: new () => VersionDef;
}

interface WithAttributes {
  getAttrMap(): { set(name: string, value: AttrValue): void };
}
interface AttrValue {
  setB(value: boolean): void;
  setI(value: number): void;
  setF(value: number): void;
  setS(value: Uint8Array): void;
  setType(value: number): void;
  setShape(value: TensorShape): void;
  setTensor(value: TensorMessage): void;
  setFunc(value: NameAttrList): void;
  setList(value: ListValue): void;
}
interface ListValue {
  addI(value: number): void;
  addShape(value: TensorShape): void;
  addType(value: number): void;
}
interface NameAttrList {
  setName(name: string): void;
}
interface NodeDef extends WithAttributes {
  setName(name: string): void;
  setOp(op: string): void;
  addInput(input: string): void;
}
interface ArgDef {
  setName(name: string): void;
  setType(type: number): void;
}
interface OpDef {
  setName(name: string): void;
  addInputArg(argument: ArgDef): void;
  addOutputArg(argument: ArgDef): void;
}
interface FunctionDef extends WithAttributes {
  setSignature(signature: OpDef): void;
  addNodeDef(node: NodeDef): void;
  getRetMap(): { set(name: string, from: string): void };
}
interface FunctionDefLibrary {
  addFunction(definition: FunctionDef): void;
}
interface VersionDef {
  setProducer(version: number): void;
}
interface GraphDef {
  addNode(node: NodeDef): void;
  setLibrary(library: FunctionDefLibrary): void;
  setVersions(versions: VersionDef): void;
}
interface MetaInfoDef {
  addTags(tag: string): void;
}
interface MetaGraphDef {
  setMetaInfoDef(information: MetaInfoDef): void;
  setGraphDef(graph: GraphDef): void;
}
interface SavedModel {
  setSavedModelSchemaVersion(version: number): void;
  addMetaGraphs(graph: MetaGraphDef): void;
  serializeBinary(): Uint8Array;
}
interface Dimension {
  setSize(size: number): void;
}
interface TensorShape {
  addDim(dimension: Dimension): void;
}
interface TensorMessage {
  setDtype(type: number): void;
  setTensorShape(shape: TensorShape): void;
  setTensorContent(bytes: Uint8Array): void;
}
