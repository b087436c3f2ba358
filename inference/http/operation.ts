import type * as z from 'zod/mini';
import type { App, RequestContext } from './context.ts';
import type { ProblemCode } from './problem.ts';

/** Groups of operations, in the order of the documentation. */
export const groups = {
  Classify: 'Classify images',
  Model: 'The served model and its state',
  'Open Inference Protocol': 'Version 2, as KServe and Triton implement it',
  About: 'This API',
} as const;

/** A route and its description. */
export interface Operation {
  readonly method: 'get' | 'post';
  /** In OpenAPI's syntax: `/v2/models/{model}`. */
  readonly path: string;
  /** Unique; generated clients name their functions after it. */
  readonly id: string;
  readonly group: keyof typeof groups;
  readonly summary: string;
  readonly details?: string;
  /** Shell commands, in which `$URL` is the address of the endpoint. */
  readonly examples?: readonly string[];
  readonly query?: Readonly<Record<string, z.core.$ZodType>>;
  /** By media type; `binary` is raw bytes. */
  readonly body?: Readonly<Record<string, z.core.$ZodType | 'binary'>>;
  /** The answer with status 200, by media type. */
  readonly answer: Readonly<Record<string, z.core.$ZodType | 'text'>>;
  /** Problems besides those that any request can cause. */
  readonly problems: readonly ProblemCode[];
}

/** Serves an operation: its method and path are those of its description. */
export function route(
  app: App,
  { method, path }: Operation,
  handler: (context: RequestContext) => Response | Promise<Response>,
): void {
  app.on(method.toUpperCase(), path.replaceAll(/\{(\w+)\}/g, ':$1'), handler);
}
