import type { Attribute, Constant, DataType, FunctionDefinition, NodeDefinition } from './protobuf.ts';

export type Shape = readonly number[];

/** What flows along an edge of the graph: one output of an operation, of a known shape and type. */
export interface Value {
  readonly operation: Operation;
  /** Among the outputs of its operation. */
  readonly index: number;
  readonly shape: Shape;
  readonly type: DataType;
}

/** A node of the graph. */
export interface Operation {
  readonly graph: Graph;
  /** Unique; begins with the scope that it was made in, which for a layer's operations is the layer's name. */
  readonly name: string;
  readonly scope: string;
  /** TensorFlow's name of what it does, such as `Conv2D`. */
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** What must have run before it, though it takes nothing from them. */
  readonly after: readonly Operation[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly gradient: Gradient | undefined;
}

/**
 * From the gradient of an operation's first output to those of its inputs, in their order. Each is built only if it is
 * called; `undefined` stands where there is none. The other outputs have no gradient.
 */
export type Gradient = (upstream: Value) => readonly ((() => Value) | undefined)[];

export interface OperationSpec {
  readonly op: string;
  readonly inputs?: readonly Value[];
  readonly outputs?: readonly { readonly shape: Shape; readonly type?: DataType }[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly after?: readonly Operation[];
  readonly gradient?: Gradient;
  /** @default the op's */
  readonly name?: string;
}

/** A weight, a running statistic or an optimizer's slot: it lives in the session from one call to the next. */
export interface Variable {
  readonly name: string;
  readonly shape: Shape;
  readonly handle: Value;
  /** As it is before anything in the same call assigns to it. */
  readonly value: Value;
  /** Feed `next` and fetch `assigned` to set it. */
  readonly next: Value;
  readonly assigned: Value;
}

/** Operands that do not fit each other. It is a defect of the graph's author: descriptions are checked before (`nets/shapes.ts`). */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}

/**
 * A TensorFlow graph in the making. Each operation's shapes and types are known, and checked, as it is added; the
 * functions in `operations/` add them.
 */
export class Graph {
  /** In an order in which each comes after its inputs. */
  readonly operations: Operation[] = [];
  /** By what they do. */
  readonly #functions = new Map<string, FunctionDefinition>();
  readonly #names = new Map<string, number>();
  /** Whether XLA fuses the loops of functions: see `call`. */
  readonly compilesFunctions: boolean;
  #scope: readonly string[] = [];

  constructor(options: { readonly compileFunctions: boolean }) {
    this.compilesFunctions = options.compileFunctions;
  }

  add(spec: OperationSpec): Operation {
    const { op, inputs = [], after = [], attributes = {}, gradient } = spec;
    const outputs: Value[] = [];
    const scope = this.#scope.join('/');
    const name = this.#uniqueName(scope, spec.name ?? op);
    const operation: Operation = { graph: this, name, scope, op, inputs, outputs, after, attributes, gradient };
    for (const input of [...inputs.map((value) => value.operation), ...after]) {
      if (input.graph !== this) throw new GraphError(`${name} takes ${input.name}, which is in another graph.`);
    }
    for (const [index, { shape, type = 'float32' }] of (spec.outputs ?? []).entries()) {
      if (!shape.every((size) => Number.isInteger(size) && size >= 0)) this.fail(`${op} gives ${show(shape)}.`);
      outputs.push({ operation, index, shape, type });
    }
    this.operations.push(operation);
    return operation;
  }

  /** Adds an operation of one output. */
  value(spec: OperationSpec & { readonly shape: Shape; readonly type?: DataType }): Value {
    const { shape, type = 'float32' } = spec;
    return only(this.add({ ...spec, outputs: [{ shape, type }] }));
  }

  /** Whatever `build` adds is named, and its errors begin, with this name. */
  scope<Result>(name: string, build: () => Result): Result {
    const outer = this.#scope;
    this.#scope = [...outer, name];
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  /** @throws {GraphError} always; the message begins with the scope, which names the layer */
  fail(message: string): never {
    throw new GraphError(this.#scope.length === 0 ? message : `${this.#scope.join('/')}: ${message}`);
  }

  /** A value that is fed. */
  placeholder(name: string, shape: Shape, type: DataType = 'float32'): Value {
    return this.value({ op: 'Placeholder', name, shape, type, attributes: { dtype: { type }, shape: { shape } } });
  }

  constant(tensor: Constant): Value {
    const { type, shape, values } = tensor;
    if (values.length !== sizeOf(shape)) this.fail(`A constant ${show(shape)} was given ${values.length} values.`);
    return this.value({ op: 'Const', shape, type, attributes: { dtype: { type }, value: { tensor } } });
  }

  scalar(value: number): Value {
    return this.constant({ type: 'float32', shape: [], values: Float32Array.of(value) });
  }

  /** `[n]` int32: how operations are told shapes and axes. */
  integers(values: readonly number[]): Value {
    return this.constant({ type: 'int32', shape: [values.length], values: Int32Array.from(values) });
  }

  variable(name: string, shape: Shape): Variable {
    const type: DataType = 'float32';
    const dtype = { type };
    const handle = this.value({
      op: 'VarHandleOp',
      name,
      shape: [],
      type: 'resource',
      attributes: { dtype, shape: { shape }, shared_name: name, container: '' },
    });
    return this.scope(name, () => {
      const next = this.placeholder('next', shape);
      const value = this.value({ op: 'ReadVariableOp', inputs: [handle], shape, attributes: { dtype } });
      const assignment = this.assign({ name, shape, handle }, next);
      return { name, shape, handle, value, next, assigned: this.after('assigned', this.scalar(0), [assignment]) };
    });
  }

  assign(
    variable: Pick<Variable, 'name' | 'shape' | 'handle'>,
    value: Value,
    after: readonly Operation[] = [],
  ): Operation {
    if (!sameShape(variable.shape, value.shape)) {
      this.fail(`${variable.name} is ${show(variable.shape)} and cannot be set to ${show(value.shape)}.`);
    }
    const attributes = { dtype: { type: value.type } };
    return this.add({ op: 'AssignVariableOp', inputs: [variable.handle, value], attributes, after });
  }

  /** The same value, had only once these have run. */
  after(name: string, value: Value, operations: readonly Operation[]): Value {
    const { shape, type } = value;
    return this.value({
      op: 'Identity',
      name,
      inputs: [value],
      shape,
      type,
      attributes: { T: { type } },
      after: operations,
    });
  }

  /**
   * Calls a function made of elementwise operations. XLA, where it is on, turns it into one loop over memory; that is
   * what a function is for.
   *
   * @param name of what it computes
   * @param body is given the function's arguments, and adds to the function's own graph
   */
  call(
    name: string,
    inputs: readonly Value[],
    body: (...inputs: Value[]) => Value,
    options?: { readonly gradient?: Gradient },
  ): Value {
    const inner = new Graph({ compileFunctions: false });
    const parameters = inputs.map(({ shape, type }) => inner.value({ op: argument, shape, type }));
    const result = body(...parameters);
    const must = { _XlaMustCompile: this.compilesFunctions };
    const called = this.#define(name, inner.#asFunction(result, must));
    return this.value({
      op: 'PartitionedCall',
      name,
      inputs,
      shape: result.shape,
      type: result.type,
      attributes: {
        ...must,
        Tin: { types: inputs.map(({ type }) => type) },
        Tout: { types: [result.type] },
        f: { function: called },
        config: '',
        config_proto: '',
        executor_type: '',
      },
      ...options,
    });
  }

  /** As plain data, to be encoded. */
  definition(): { readonly nodes: readonly NodeDefinition[]; readonly functions: readonly FunctionDefinition[] } {
    return {
      nodes: this.operations.map((operation) => nodeOf(operation, referenceTo)),
      functions: [...this.#functions.values()],
    };
  }

  /** Layers that compute the same share a function; XLA compiles it for each shape. */
  #define(name: string, body: Omit<FunctionDefinition, 'name'>): string {
    const content = JSON.stringify(body);
    const definition = this.#functions.get(content) ?? { name: `${name}_${this.#functions.size}`, ...body };
    this.#functions.set(content, definition);
    return definition.name;
  }

  #asFunction(result: Value, attributes: FunctionDefinition['attributes']): Omit<FunctionDefinition, 'name'> {
    const isArgument = ({ op }: Operation) => op === argument;
    return {
      inputs: this.operations.filter(isArgument).map((each) => ({ name: each.name, type: only(each).type })),
      outputs: [{ name: 'result', type: result.type, from: referenceWithin(result) }],
      nodes: this.operations.filter((each) => !isArgument(each)).map((each) => nodeOf(each, referenceWithin)),
      attributes,
    };
  }

  #uniqueName(scope: string, name: string): string {
    const wanted = (scope === '' ? name : `${scope}/${name}`).replaceAll(/[^\w./-]/g, '_');
    const count = this.#names.get(wanted) ?? 0;
    this.#names.set(wanted, count + 1);
    return count === 0 ? wanted : this.#uniqueName('', `${wanted}_${count}`);
  }
}

/** Stands for a function's argument, and is no operation of TensorFlow's. */
const argument = 'argument';

function nodeOf(operation: Operation, reference: (value: Value) => string): NodeDefinition {
  const { name, op, inputs, after, attributes } = operation;
  return { name, op, inputs: [...inputs.map(reference), ...after.map((each) => `^${each.name}`)], attributes };
}

/** How a value is fed, fetched, and taken as an input. */
export function referenceTo({ operation, index }: Value): string {
  return `${operation.name}:${index}`;
}

/** Within a function outputs go by their names in TensorFlow's registry. */
function referenceWithin({ operation, index }: Value): string {
  if (operation.op === argument) return operation.name;
  const output = outputNames[operation.op];
  if (output === undefined) throw new GraphError(`${operation.op} is not among the operations of a function.`);
  return `${operation.name}:${output}:${index}`;
}

const outputNames: Readonly<Record<string, string>> = {
  AddV2: 'z',
  BitwiseAnd: 'z',
  BitwiseXor: 'z',
  Cast: 'y',
  Const: 'output',
  Erf: 'y',
  Exp: 'y',
  GreaterEqual: 'z',
  Mul: 'z',
  Range: 'output',
  RealDiv: 'z',
  Reshape: 'output',
  RightShift: 'z',
  Sigmoid: 'y',
  Slice: 'output',
  Square: 'y',
  Sub: 'z',
};

/** The only output. */
function only(operation: Operation): Value {
  const [value, ...others] = operation.outputs;
  if (value === undefined || others.length > 0) throw new GraphError(`${operation.name} has not one output.`);
  return value;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}

export function sameShape(one: Shape, other: Shape): boolean {
  return one.length === other.length && one.every((size, axis) => size === other[axis]);
}

/** For messages: `[512, 31, 31, 24]`. */
export function show(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
