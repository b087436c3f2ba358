import { App } from 'aws-cdk-lib';
import { ClassifierStack } from './classifier-stack.ts';

const app = new App();
const trainingImage: unknown = app.node.tryGetContext('trainingImage');
const auth: unknown = app.node.tryGetContext('auth') ?? 'key';
const origins: unknown = app.node.tryGetContext('origins') ?? '';
if (trainingImage !== undefined && typeof trainingImage !== 'string') {
  throw new Error('-c trainingImage takes the address of an image in a registry.');
}
if (auth !== 'key' && auth !== 'none') {
  throw new Error(`-c auth=${auth} is unknown. Give auth=key (the default) or auth=none.`);
}
if (typeof origins !== 'string') throw new Error('-c origins takes origins of web pages, with spaces between.');
new ClassifierStack(app, 'Cifar10', {
  auth,
  origins: origins.split(/\s+/).filter(Boolean),
  ...(trainingImage ? { trainingImage } : {}),
});
