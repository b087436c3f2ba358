import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import openapiTypescript, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { openApiDocument } from '../openapi/document.ts';

const file = fileURLToPath(new URL('schema.ts', import.meta.url));

/** The committed types. */
export function writtenSchema(): string {
  return readFileSync(file, 'utf8');
}

/** Generates the types of all operations from the OpenAPI document. */
export async function generateSchema(): Promise<string> {
  const document = JSON.stringify(openApiDocument());
  const type = (name: string, ...of: ts.TypeNode[]) => ts.factory.createTypeReferenceNode(name, of);
  const nodes = await openapiTypescript(document, {
    transform(schema) {
      if ('contentMediaType' in schema) return type('Uint8Array', type('ArrayBuffer'));
      return 'contentEncoding' in schema ? type('Blob') : undefined; // A file in a form.
    },
  });
  return `// Written by "npm run client" from the OpenAPI document. Do not edit.\n\n${astToString(nodes)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, await generateSchema());
