import { App } from 'aws-cdk-lib';
import { ClassifierStack } from './classifier-stack.ts';

const app = new App();
const trainingImage: unknown = app.node.tryGetContext('trainingImage');
const auth: unknown = app.node.tryGetContext('auth') ?? 'key';
const origins: unknown = app.node.tryGetContext('origins') ?? '';
const reservedConcurrency: unknown = app.node.tryGetContext('reservedConcurrency');
if (trainingImage !== undefined && typeof trainingImage !== 'string') {
  throw new Error(
    `-c trainingImage=${trainingImage} is not an image. Give the address of one in a registry, or leave it out.`,
  );
}
if (auth !== 'key' && auth !== 'none') {
  throw new Error(`-c auth=${auth} is not valid. Give auth=key (the default) or auth=none.`);
}
if (typeof origins !== 'string') {
  throw new Error(`-c origins=${origins} is not valid. Give origins of web pages, separated by spaces.`);
}
if (reservedConcurrency !== undefined && !/^[1-9]\d*$/.test(String(reservedConcurrency))) {
  throw new Error(`-c reservedConcurrency=${reservedConcurrency} is not valid. Give a whole number of calls, from 1.`);
}
new ClassifierStack(app, 'Cifar10', {
  auth,
  origins: origins.split(/\s+/).filter(Boolean),
  ...(trainingImage ? { trainingImage } : {}),
  ...(reservedConcurrency === undefined ? {} : { reservedConcurrency: Number(reservedConcurrency) }),
});
