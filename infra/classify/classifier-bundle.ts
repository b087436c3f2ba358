import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { writePage } from '#inference/page/build-page.ts';
import { bundleFunction, functionCode } from '../functions/function-bundle.ts';

const program = fileURLToPath(new URL('../../inference/classify.lambda.ts', import.meta.url));
/** libwebp, which the program reads from its own folder. */
const webp = createRequire(import.meta.url).resolve('@jsquash/webp/codec/dec/webp_dec.wasm');

/** The Lambda's archive: one file of JavaScript, a WebAssembly file and the page. */
export function classifierBundle(): lambda.Code {
  return functionCode(program, bundleClassifier);
}

/** Writes `index.mjs`, whose `handler` answers API Gateway events, and the files that it reads. */
export function bundleClassifier(folder: string): void {
  bundleFunction(program, folder);
  copyFileSync(webp, path.join(folder, path.basename(webp)));
  writePage(path.join(folder, 'page'));
}
