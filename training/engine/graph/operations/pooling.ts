import type { Graph, Shape, Value } from '../builder/graph.ts';
import { fourAxes, windows } from './sliding.ts';

/** How a pooling slides its windows. */
export interface Pooling {
  /** Height and width of a window; one number for a square. */
  readonly size: number | readonly [height: number, width: number];
  /** @default the window's height */
  readonly stride?: number | undefined;
  readonly padding: 'same' | 'valid';
}

export function pooledShape(graph: Graph, images: Value, pooling: Pooling): Shape {
  const [batch, height, width, channels] = fourAxes(graph, 'Images', images);
  const [rows, columns, stride] = windowOf(pooling);
  const sliding = { stride, padding: pooling.padding };
  return [batch, windows(graph, height, rows, sliding), windows(graph, width, columns, sliding), channels];
}

export function poolingAttributes({ type }: Value, pooling: Pooling) {
  const [rows, columns, stride] = windowOf(pooling);
  return {
    T: { type },
    ksize: { integers: [1, rows, columns, 1] },
    strides: { integers: [1, stride, stride, 1] },
    padding: pooling.padding.toUpperCase(),
    data_format: 'NHWC',
  } as const;
}

function windowOf({ size, stride }: Pooling): [rows: number, columns: number, stride: number] {
  const [rows, columns] = typeof size === 'number' ? [size, size] : size;
  return [rows, columns, stride ?? rows];
}
