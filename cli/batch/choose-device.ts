import prices from '../cost/prices.json' with { type: 'json' };
import { trainingCost, trainingImages, typicalRun } from '../cost/training-cost.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { explainGpuQuota, mayRunGpus, readGpuQuota } from './gpu-quota.ts';
import { type Device, queuesOf } from './queues.ts';

export interface Choice {
  readonly device: Device;
  /** Why, or what will happen, where it is not what one expects. */
  readonly why?: string;
}

/**
 * What a job trains on: as asked, or else on a GPU, unless the account may start none. LocalStack trains on the processors of
 * this machine in either queue.
 */
export async function chooseDevice(target: Target, stack: StackOutputs, asked?: Device): Promise<Choice> {
  const devices = queuesOf(stack).map(({ device }) => device);
  if (asked === undefined && !devices.includes('gpu')) {
    return { device: 'cpu', why: 'This trains on CPUs: the region of the stack has no GPU instances for it.' };
  }
  if (target.name === 'local' || asked === 'cpu') return { device: asked ?? 'gpu' };
  const quota = await readGpuQuota(target.clientConfig);
  if (mayRunGpus(quota) !== false) return { device: 'gpu' };
  const explained = explainGpuQuota(quota);
  if (asked === 'gpu') return { device: 'gpu', why: `${explained}\nThe job waits until then.` };
  if (devices.includes('cpu')) {
    const costs = describeCosts(stack);
    return {
      device: 'cpu',
      why: `${explained}\nUntil then this trains on CPUs${costs}; with "--on gpu" it would wait.`,
    };
  }
  return {
    device: 'gpu',
    why: `${explained}\nThe job waits until then. An update of the stack with "./cifar10 deploy --target aws" adds a queue for CPUs.`,
  };
}

/** What a short run costs on either device; nothing where no price of the stack's instances is known. */
function describeCosts({ InstanceTypes, CpuInstanceTypes }: StackOutputs): string {
  const [cpu, gpu] = [describeCost('cpu', CpuInstanceTypes), describeCost('gpu', InstanceTypes)];
  return cpu && gpu ? ` (by "./cifar10 cost" a run of quick costs ${cpu}, ${gpu})` : '';
}

function describeCost(device: Device, types = ''): string | undefined {
  const type = types.split(' ').find((each) => Object.hasOwn(prices.instances.hour, each));
  if (type === undefined) return undefined;
  const { dollars } = trainingCost(type, { ...typicalRun, image: trainingImages[device] }, prices);
  return `$${dollars.toFixed(2)} on ${type}`;
}
