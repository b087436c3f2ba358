import { type Affine, type Convolution, type Dense, IMAGE, type LoweredModel, type Operation } from './operation.ts';

/** What can take up what follows it. */
type Product = Operation & (Convolution | Dense);

/**
 * The same network in fewer passes: normalizations go into the weights of the product before them, rectifiers into its
 * bounds, and what is done to the image before anything else into a table of its bytes.
 */
export function fuse(model: LoweredModel): LoweredModel {
  let { preparation } = model;
  const readers = countReaders(model.operations);
  /** By name, in their order; the name of what takes something up is the name of what it took. */
  const operations = new Map<string, Operation>();
  let image = IMAGE;
  for (const operation of model.operations) {
    const inputs = operation.inputs.map((name) => (name === image ? IMAGE : name));
    const [input] = inputs as [string];
    const isOnlyReader = readers.get(operation.inputs[0]!) === 1;
    const before = operations.get(input);
    if (operation.kind === 'affine' && isPerChannel(operation) && input === IMAGE && isOnlyReader) {
      preparation = chain(preparation, operation);
      image = operation.name;
    } else if (isOnlyReader && before && isOpenProduct(before) && canTakeUp(operation)) {
      operations.delete(input);
      operations.set(operation.name, takeUp(before, operation));
    } else {
      operations.set(operation.name, { ...operation, inputs });
    }
  }
  return { ...model, preparation, operations: [...operations.values()] };
}

function countReaders(operations: readonly Operation[]): ReadonlyMap<string, number> {
  const readers = new Map<string, number>();
  for (const name of operations.flatMap(({ inputs }) => inputs)) readers.set(name, (readers.get(name) ?? 0) + 1);
  return readers;
}

/** What a rectifier has cut off cannot be scaled by the weights any more. */
function isOpenProduct(operation: Operation): operation is Product {
  return (operation.kind === 'convolution' || operation.kind === 'dense') && !operation.isRectified;
}

type TakenUp = Operation & (Affine | { readonly kind: 'activation' });

function canTakeUp(operation: Operation): operation is TakenUp {
  return (
    (operation.kind === 'affine' && isPerChannel(operation)) ||
    (operation.kind === 'activation' && operation.function === 'relu')
  );
}

function isPerChannel({ scale, output }: Operation & Affine): boolean {
  return scale.length === output.channels;
}

function takeUp(product: Product, operation: TakenUp): Operation {
  const { name } = operation;
  if (operation.kind === 'activation') return { ...product, name, isRectified: true };
  const { scale, shift } = operation;
  const { data, shape } = product.kernel;
  const filters = scale.length; // The last dimension of every kernel.
  const kernel = { shape, data: data.map((weight, index) => weight * scale[index % filters]!) };
  const bias = product.bias.map((value, channel) => value * scale[channel]! + shift[channel]!);
  return { ...product, name, kernel, bias };
}

function chain(first: Pick<Affine, 'scale' | 'shift'>, then: Affine): Pick<Affine, 'scale' | 'shift'> {
  return {
    scale: first.scale.map((scale, channel) => scale * then.scale[channel]!),
    shift: first.shift.map((shift, channel) => shift * then.scale[channel]! + then.shift[channel]!),
  };
}
