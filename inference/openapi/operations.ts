import * as z from 'zod/mini';
import type { Operation } from '../http/operation.ts';
import { classifyOperations } from '../routes/classify.ts';
import { getIndex } from '../routes/index-route.ts';
import { modelOperations } from '../routes/model.ts';
import { openInferenceOperations } from '../routes/open-inference.ts';

export const getOpenApi: Operation = {
  ...{ method: 'get', path: '/openapi.json', id: 'getOpenApi', group: 'About' },
  summary: 'Get this description as OpenAPI',
  answer: { 'application/json': z.record(z.string(), z.unknown()) },
  problems: [],
};

export const getDocs: Operation = {
  ...{ method: 'get', path: '/docs', id: 'getDocs', group: 'About' },
  summary: 'Read this description as a web page',
  answer: { 'text/html': 'text' },
  problems: [],
};

/** All operations, in the order of the documentation. */
export const operations: readonly Operation[] = [
  ...[...classifyOperations, ...modelOperations, ...openInferenceOperations],
  ...[getIndex, getOpenApi, getDocs],
];
