import path from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { type BuildOptions, buildSync } from 'esbuild';

/** A bundle holds everything, the AWS SDK too: what is tested is what runs. */
const options = {
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
 * A Lambda's archive, built in this process: a `NodejsFunction` starts npx and a shell, which doubles the time.
 *
 * @param program the path of its source
 * @param write writes its files into an empty folder. @default `bundleFunction`
 */
export function functionCode(
  program: string,
  write = (folder: string) => bundleFunction(program, folder),
): lambda.Code {
  return lambda.Code.fromAsset(path.dirname(program), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('unused'),
      // The CDK builds an archive once for each folder and options: this tells programs of one folder apart.
      environment: { program: path.basename(program) },
      local: {
        tryBundle(folder) {
          write(folder);
          return true;
        },
      },
    },
  });
}

/** Writes `index.mjs`, which holds a program with all that it imports. */
export function bundleFunction(program: string, folder: string): void {
  buildSync({ ...options, entryPoints: [program], outfile: path.join(folder, 'index.mjs') });
}
