/**
 * `simulated-step.ts <addon> <precision>`: a training step, one in a call of several, and an evaluation, by the addon that is
 * named, on a GPU that is simulated. Their results mean nothing; it fails if TensorFlow lacks something that they need.
 */
import { type Precision, trainOnce } from './project.ts';

const [addon = '', precision = 'float32'] = process.argv.slice(2);
process.stdout.write(`${trainOnce(addon, precision as Precision)}\n`);
