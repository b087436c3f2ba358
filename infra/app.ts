import { App } from 'aws-cdk-lib';
import { ClassifierStack } from './classifier-stack.ts';
import { isAuth } from './classify/auth.ts';
import { shifts } from './classify/shift.ts';
import { checkStage, stackNameOf } from './stage.ts';
import { regionalSettings } from './training/region.ts';

const app = new App();
const auth = text('auth') ?? 'key';
const trainingImage = text('trainingImage');
const cpuTrainingImage = text('cpuTrainingImage');
const reservedConcurrency = text('reservedConcurrency');
if (!isAuth(auth)) {
  throw new Error(`-c auth=${auth} is not valid. Give auth=key (the default), auth=iam or auth=none.`);
}
if (reservedConcurrency !== undefined && !/^[1-9]\d*$/.test(reservedConcurrency)) {
  throw new Error(`-c reservedConcurrency=${reservedConcurrency} is not valid. Give a whole number of calls, from 1.`);
}
const maxVcpus = text('maxVcpus');
if (maxVcpus !== undefined && !/^[1-9]\d*$/.test(maxVcpus)) {
  throw new Error(`-c maxVcpus=${maxVcpus} is not valid. Give a whole number of vCPUs, such as 64.`);
}
const watch = text('watch') ?? 'on';
if (watch !== 'on' && watch !== 'off') {
  throw new Error(`-c watch=${watch} is not valid. Give watch=on (the default) or watch=off.`);
}
const email = text('email');
const budget = text('budget');
if (budget !== undefined && !/^\d+(\.\d+)?$/.test(budget)) {
  throw new Error(`-c budget=${budget} is not valid. Give US dollars a month, such as 20.`);
}
const stageName = text('stage');
const stage = stageName === undefined ? undefined : checkStage(stageName);
const shift = shifts.find((each) => each === (text('shift') ?? 'canary'));
if (shift === undefined) {
  throw new Error(`-c shift=${text('shift')} is not valid. Give shift=${shifts.join(', or shift=')}.`);
}
new ClassifierStack(app, stackNameOf(stage), {
  ...(stage === undefined ? {} : { stage }),
  auth,
  shift,
  isAliasMoved: text('aliasMoved') === 'yes',
  watch,
  ...(email === undefined ? {} : { email }),
  ...(budget === undefined ? {} : { budget: Number(budget) }),
  origins: words(text('origins')),
  pictureBuckets: words(text('pictureBuckets')),
  ...(maxVcpus === undefined ? {} : { maxVcpus: Number(maxVcpus) }),
  ...(trainingImage === undefined ? {} : { trainingImage }),
  ...(cpuTrainingImage === undefined ? {} : { cpuTrainingImage }),
  ...(reservedConcurrency === undefined ? {} : { reservedConcurrency: Number(reservedConcurrency) }),
  // The template names no region, but instance types and zones are those of the one that the CDK will deploy to.
  regional: regionalSettings(process.env.CDK_DEFAULT_REGION, {
    gpu: text('instanceTypes'),
    cpu: text('cpuInstanceTypes'),
  }),
});

function words(context = ''): readonly string[] {
  return context.split(/\s+/).filter(Boolean);
}

/** A context, such as that of `-c auth=none`; an empty one counts as none. */
function text(context: string): string | undefined {
  const value: unknown = app.node.tryGetContext(context);
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new Error(
    `The context ${context} is ${JSON.stringify(value)}. Give text; several values are separated by spaces.`,
  );
}
