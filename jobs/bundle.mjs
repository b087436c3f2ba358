/**
 * The program of the jobs as a few files of JavaScript, for the training images: no TypeScript, no `tsx`, and no `node_modules` but
 * the folder of TensorFlow's addon.
 *
 *     node jobs/bundle.mjs <cpu|gpu> <folder>
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sourcesDigest } from './sources.mjs';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '..');

/** The packages that load the addon. */
const packages = { cpu: '@tensorflow/tfjs-node', gpu: '@tensorflow/tfjs-node-gpu' };

/** Read from the folder of the program, by the WebAssembly backend: Node supports SIMD, not threads. */
const webAssembly = '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm';

/** libwebp, which is read from the folder of the program too. */
const webp = '@jsquash/webp/codec/dec/webp_dec.wasm';

/**
 * Puts the package that loads the addon into the bundle. The program asks for it by `createRequire`, which esbuild does not
 * follow; and the package asks `@mapbox/node-pre-gyp` where the addon is, which brings npm's downloader with it.
 *
 * @param {string} name of the package
 * @returns {import('esbuild').Plugin}
 */
function includeTensorFlow(name) {
  const addon = `node_modules/${name}/lib/napi-v8/tfjs_binding.node`;
  return {
    name: 'include-tensorflow',
    setup({ onResolve, onLoad }) {
      const namespace = 'include-tensorflow';
      onResolve({ filter: /^(node:module|@mapbox\/node-pre-gyp)$/ }, ({ path, importer }) => {
        const isOurs = path !== 'node:module' || importer === join(root, 'training', 'engine', 'tensorflow.ts');
        return isOurs ? { path, namespace } : undefined;
      });
      onLoad({ filter: /^node:module$/, namespace }, () => ({
        resolveDir: root,
        contents: `
          import * as nodes from 'module';
          export function createRequire(from) {
            const fromFile = nodes.createRequire(from);
            return Object.assign((name) => (name === '${name}' ? require('${name}') : fromFile(name)), fromFile);
          }`,
      }));
      onLoad({ filter: /node-pre-gyp$/, namespace }, () => ({
        contents: `exports.find = () => require('path').join(__dirname, '${addon}');`,
      }));
    },
  };
}

/**
 * Writes `main.mjs`, the program's entry, and the files that it loads. The folder lacks the addon, which belongs in
 * `node_modules/@tensorflow/<package>/lib`, and its libraries, in `deps` beside that.
 *
 * @param {'cpu' | 'gpu'} device
 * @param {string} folder is created
 */
export async function bundleTraining(device, folder) {
  const name = packages[device];
  await build({
    absWorkingDir: root,
    entryPoints: {
      main: 'jobs/main.ts',
      'batches.worker': 'training/data/batches.worker.ts',
      'bulk.worker': 'jobs/bulk/bulk.worker.ts',
      'open-picture.worker': 'training/datasets/pictures/open-picture.worker.ts',
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Packages in CommonJS use what ES modules do not have.
    banner: {
      js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url),__dirname=import.meta.dirname,__filename=import.meta.filename;",
    },
    // jobs/check-code.ts reads it: in the image there are no sources.
    define: { BUNDLED_SOURCES: JSON.stringify(sourcesDigest(root)) },
    legalComments: 'linked',
    logLevel: 'warning',
    plugins: [includeTensorFlow(name)],
    // Jobs get pictures that were opened where they were submitted: what only their import needs stays out of the images.
    external: ['sharp'],
  });
  await mkdir(join(folder, 'node_modules', name), { recursive: true });
  await copyFile(require.resolve(`${name}/package.json`), join(folder, 'node_modules', name, 'package.json'));
  for (const file of [webAssembly, webp]) await copyFile(require.resolve(file), join(folder, basename(file)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [device, folder] = process.argv.slice(2);
  if ((device === 'cpu' || device === 'gpu') && folder !== undefined) await bundleTraining(device, folder);
  else {
    console.error('Usage: node jobs/bundle.mjs <cpu|gpu> <folder>');
    process.exitCode = 2;
  }
}
