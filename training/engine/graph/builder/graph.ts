import { sizeOf } from '#models/size-of.ts';
import { outputNames } from './output-names.ts';
import type { Attribute, Constant, DataType, FunctionDefinition, NodeDefinition } from './protobuf.ts';

export type Shape = readonly number[];

/** An edge of the graph: one output of an operation, with a known shape and type. */
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
  /** TensorFlow's name of the operation, such as `Conv2D`. */
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Operations that must run before it, though it takes no value from them. */
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
  readonly type: DataType;
  readonly handle: Value;
  /** Its value before any assignment in the same call. */
  readonly value: Value;
  /** Feed `next` and fetch `assigned` to set it. */
  readonly next: Value;
  readonly assigned: Value;
}

/** Operands that do not fit each other. It is an internal error: `nets/shapes.ts` checks descriptions of nets before. */
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
  /** Functions by their content; a function's inner functions are kept with the outer graph. */
  readonly #functions: Map<string, FunctionDefinition>;
  readonly #names = new Map<string, number>();
  /** Whether XLA fuses the loops of functions: see `call`. */
  readonly compilesFunctions: boolean;
  #scope: readonly string[] = [];

  constructor(options: { readonly compileFunctions: boolean }, functions = new Map<string, FunctionDefinition>()) {
    this.compilesFunctions = options.compileFunctions;
    this.#functions = functions;
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

  /** `[n]` int32: a shape or axes, as operations take them. */
  integers(values: readonly number[]): Value {
    return this.constant({ type: 'int32', shape: [values.length], values: Int32Array.from(values) });
  }

  /** Within a function it is the same variable as any other of this name in the session. */
  variable(name: string, shape: Shape, type: DataType = 'float32'): Variable {
    const dtype = { type };
    const handle = this.value({
      op: 'VarHandleOp',
      name,
      shape: [],
      type: 'resource',
      attributes: { dtype, shape: { shape }, shared_name: name, container: '' },
    });
    return this.scope(name, () => {
      const next = this.placeholder('next', shape, type);
      const value = this.value({ op: 'ReadVariableOp', inputs: [handle], shape, type, attributes: { dtype } });
      const assignment = this.assign({ name, shape, type, handle }, next);
      return { name, shape, type, handle, value, next, assigned: this.after('assigned', this.scalar(0), [assignment]) };
    });
  }

  assign(
    variable: Pick<Variable, 'name' | 'shape' | 'type' | 'handle'>,
    value: Value,
    after: readonly Operation[] = [],
  ): Operation {
    const { name, shape, type } = variable;
    if (!sameShape(shape, value.shape))
      this.fail(`${name} is ${show(shape)} and cannot be set to ${show(value.shape)}.`);
    if (type !== value.type) this.fail(`${name} is ${type} and cannot be set to ${value.type}.`);
    const attributes = { dtype: { type: value.type } };
    return this.add({ op: 'AssignVariableOp', inputs: [variable.handle, value], attributes, after });
  }

  /** The same value, available once these have run. */
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
    const must = { _XlaMustCompile: this.compilesFunctions };
    const { called, results } = this.#function<readonly Value[]>(name, inputs, (...given) => [body(...given)], {
      compileFunctions: false,
      attributes: must,
    });
    const [result] = results as [Value];
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

  /**
   * Repeats a body, in one call. A round begins after all assignments of the one before.
   *
   * @param initial the inputs of the first round
   * @param condition from the inputs of the next round, whether it runs: `[]` bool
   * @param body from the inputs of a round to those of the next, of the same shapes and types. It adds to its own graph, in
   *   which it creates the variables that it needs again; assignments must come before one of its results.
   * @returns the inputs that one more round would get
   */
  loop<State extends readonly Value[]>(
    name: string,
    initial: readonly [...State],
    { condition, body }: { condition(...given: State): Value; body(...given: State): readonly Value[] },
  ): readonly Value[] {
    const compileFunctions = this.compilesFunctions;
    const types = initial.map(({ type }) => type);
    const shapes = initial.map(({ shape }) => shape);
    const continues = this.#function<State>(`${name}_condition`, initial, (...given) => [condition(...given)], {
      compileFunctions,
    });
    const round = this.#function<State>(`${name}_body`, initial, body, { compileFunctions });
    this.#checkResults(name, round.results, initial);
    return this.add({
      op: 'While',
      name,
      inputs: initial,
      outputs: initial,
      attributes: {
        T: { types },
        cond: { function: continues.called },
        body: { function: round.called },
        output_shapes: { shapes },
        parallel_iterations: { integer: 1 },
        _lower_using_switch_merge: true,
      },
    }).outputs;
  }

  /**
   * Runs a branch where a condition holds, once all inputs are computed.
   *
   * @param condition `[]` bool
   * @param then adds to its own graph, in which it creates the variables that it needs again; assignments must come
   *   before its result, and the result must be used. It is of the shape and type of the first of `inputs`.
   * @returns the result of `then`, or the first of `inputs`
   */
  when<Inputs extends readonly [Value, ...Value[]]>(
    name: string,
    condition: Value,
    inputs: readonly [...Inputs],
    then: (...inputs: Inputs) => Value,
  ): Value {
    const options = { compileFunctions: this.compilesFunctions };
    const done = this.#function<Inputs>(`${name}_then`, inputs, (...given) => [then(...given)], options);
    const left = this.#function<Inputs>(`${name}_else`, inputs, (...given) => [given[0]], options);
    const [{ shape, type }] = inputs;
    this.#checkResults(name, done.results, [inputs[0]]);
    // In a branch an operation without inputs, such as reading a variable, waits only for the condition.
    const decided = this.after(
      `${name}_if`,
      condition,
      inputs.map(({ operation }) => operation),
    );
    return this.value({
      op: 'If',
      name,
      inputs: [decided, ...inputs],
      shape,
      type,
      attributes: {
        Tcond: { type: condition.type },
        Tin: { types: inputs.map((input) => input.type) },
        Tout: { types: [type] },
        then_branch: { function: done.called },
        else_branch: { function: left.called },
        output_shapes: { shapes: [shape] },
        _lower_using_switch_merge: true,
      },
    });
  }

  /** The graph as plain data, to be encoded. */
  definition(): { readonly nodes: readonly NodeDefinition[]; readonly functions: readonly FunctionDefinition[] } {
    return {
      nodes: this.operations.map((operation) => nodeOf(operation, referenceTo)),
      functions: [...this.#functions.values()],
    };
  }

  /** Builds a function in its own graph. Layers that compute the same share one; XLA compiles it for each shape. */
  #function<Inputs extends readonly Value[]>(
    name: string,
    inputs: readonly [...Inputs],
    build: (...parameters: Inputs) => readonly Value[],
    options: { readonly compileFunctions: boolean; readonly attributes?: FunctionDefinition['attributes'] },
  ): { readonly called: string; readonly results: readonly Value[] } {
    const inner = new Graph(options, this.#functions);
    const parameters = inputs.map(({ shape, type }) => inner.value({ op: argument, shape, type }));
    const results = build(...(parameters as unknown as Inputs));
    const body = inner.#asFunction(results, options.attributes ?? {});
    const content = JSON.stringify(body);
    const definition = this.#functions.get(content) ?? { name: `${name}_${this.#functions.size}`, ...body };
    this.#functions.set(content, definition);
    return { called: definition.name, results };
  }

  /** @param expected as many, of the same shapes and types */
  #checkResults(name: string, results: readonly Value[], expected: readonly Value[]): void {
    const describe = (values: readonly Value[]) => values.map(({ shape, type }) => `${show(shape)} ${type}`).join(', ');
    const [given, wanted] = [describe(results), describe(expected)];
    if (given !== wanted) this.fail(`The function of ${name} gives ${given || 'nothing'}; it must give ${wanted}.`);
  }

  /** Only what the results need: within a function operations with side effects would run as well. */
  #asFunction(
    results: readonly Value[],
    attributes: FunctionDefinition['attributes'],
  ): Omit<FunctionDefinition, 'name'> {
    const isArgument = ({ op }: Operation) => op === argument;
    const needed = new Set(results.map(({ operation }) => operation));
    for (const operation of this.operations.toReversed()) {
      if (!needed.has(operation)) continue;
      for (const each of [...operation.inputs.map((input) => input.operation), ...operation.after]) needed.add(each);
    }
    return {
      inputs: this.operations.filter(isArgument).map((each) => ({ name: each.name, type: only(each).type })),
      outputs: results.map((result, index) => ({
        name: `result_${index}`,
        type: result.type,
        from: referenceWithin(result),
      })),
      nodes: this.operations
        .filter((each) => needed.has(each) && !isArgument(each))
        .map((each) => nodeOf(each, referenceWithin)),
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

/** Marks a function's argument; it is not a TensorFlow operation. */
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
  const { name, op } = operation;
  if (op === argument) return name;
  const names = outputNames[op];
  if (names === undefined) throw new GraphError(`${op} is not among the operations of a function (output-names.ts).`);
  return typeof names === 'string' ? `${name}:${names}:${index}` : `${name}:${names[index]}:0`;
}

/** The only output. */
function only(operation: Operation): Value {
  const [value, ...others] = operation.outputs;
  if (value === undefined || others.length > 0) throw new GraphError(`${operation.name} has not one output.`);
  return value;
}

export function sameShape(one: Shape, other: Shape): boolean {
  return one.length === other.length && one.every((size, axis) => size === other[axis]);
}

/** For messages: `[512, 31, 31, 24]`. */
export function show(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
