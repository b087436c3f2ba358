import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { type BuildOptions, buildSync } from 'esbuild';
import { writePage } from '#inference/page/build-page.ts';

const program = fileURLToPath(new URL('../../inference/classify.lambda.ts', import.meta.url));
/** libwebp, which the program reads from its own folder. */
const webp = createRequire(import.meta.url).resolve('@jsquash/webp/codec/dec/webp_dec.wasm');

/** The bundle holds everything, the AWS SDK too: what is tested is what runs. */
const options = {
  entryPoints: [program],
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  // Some packages load Node's own modules by require(), which ES modules do not have.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  minify: true,
  // Stack traces in the log keep the names of functions; a source map would double the archive.
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/**
 * The Lambda's archive: one file of JavaScript, a WebAssembly file and the page.
 *
 * Built in this process: a `NodejsFunction` starts npx and a shell, which doubles the time.
 */
export function classifierBundle(): lambda.Code {
  return lambda.Code.fromAsset(path.dirname(program), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('unused'),
      local: {
        tryBundle(folder) {
          bundleClassifier(folder);
          return true;
        },
      },
    },
  });
}

/** Writes `index.mjs`, whose `handler` answers API Gateway events, and the files that it reads. */
export function bundleClassifier(folder: string): void {
  buildSync({ ...options, outfile: path.join(folder, 'index.mjs') });
  copyFileSync(webp, path.join(folder, path.basename(webp)));
  writePage(path.join(folder, 'page'));
}
