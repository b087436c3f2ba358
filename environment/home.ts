import path from 'node:path';

/**
 * Where this clone keeps what it makes: models, LocalStack's state, CDK's output. `CIFAR10_HOME` names another folder, for
 * a second installation of the same clone.
 */
export const home = path.resolve(process.env.CIFAR10_HOME || path.join(import.meta.dirname, '..', '.cifar10'));
