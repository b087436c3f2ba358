/**
 * What the training images need of set-up, in two steps, so that the downloads depend on nothing but their own program:
 *
 *     node setup/image.mjs libraries <cpu|gpu>    downloads TensorFlow's libraries
 *     node setup/image.mjs addon <cpu|gpu>        compiles the addon, once the npm packages are there
 */
import { fileURLToPath } from 'node:url';
import { SetupFailure } from './failure.mjs';
import { provideAddon, provideLibraries, tensorflowTarget } from './tensorflow.mjs';

const steps = { libraries: provideLibraries, addon: provideAddon };

const [step, device] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));
if ((step !== 'libraries' && step !== 'addon') || (device !== 'cpu' && device !== 'gpu')) {
  console.error('Usage: node setup/image.mjs <libraries|addon> <cpu|gpu>');
  process.exitCode = 2;
} else {
  try {
    let shown = '';
    await steps[step](tensorflowTarget(root, { gpu: device === 'gpu' }), {
      onProgress: (text) => {
        const what = text.replace(/^\S+ (MB|GB) of/, 'downloading');
        if (what !== shown) console.log(what);
        shown = what;
      },
    });
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
