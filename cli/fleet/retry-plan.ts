import { checkCode } from '#jobs/check-code.ts';
import { readPlan } from '#models/plans/plan.ts';
import { missingShards } from '#models/plans/shards.ts';
import { listSubmissions, readSubmission } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { chooseDevice } from '../batch/choose-device.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { confirmEstimate, describeEstimate, estimatePlan } from './estimate.ts';
import { planJobs } from './plan-jobs.ts';
import { planQueue, type SubmittedPlan, submitPlan } from './submit-plan.ts';

/**
 * Submits the shards of a plan that have no result, with the cap of its last submission and on the same device, and says before
 * what that takes. What costs money is asked first, unless `yes`.
 *
 * @returns `undefined` if the answer is no
 * @throws {UsageError} it costs money, and there is neither a terminal nor `yes`
 * @throws {OtherCode} the plan was made by other code than this program's; and as `submitPlan`
 */
export async function retryPlan(
  target: Target,
  stack: StackOutputs,
  store: ObjectStore,
  id: string,
  { yes }: { readonly yes?: boolean | undefined } = {},
): Promise<SubmittedPlan | undefined> {
  const plan = await readPlan(store, id);
  await checkCode(store, id, plan);
  const last = (await listSubmissions(store, id)).at(-1);
  const { shards, children } = last === undefined ? { shards: [], children: 0 } : await readSubmission(store, id, last);
  const atMost = children < shards.length ? children : undefined;
  const before = (await planJobs(target, stack, id)).at(-1)?.device;
  const { device: on } = await chooseDevice(target, stack, before);
  const missing = await missingShards(store, id, plan);
  if (missing.length > 0) {
    const queue = planQueue(plan, on, stack, target);
    const estimate = await estimatePlan(store, plan, { missing, atMost, on: { target, queue } });
    if (!(await confirmEstimate(describeEstimate(estimate), { isPaid: estimate.isPaid, yes }))) return undefined;
  }
  return submitPlan(target, { id, plan }, { atMost, on });
}

/** Such as `Submitted 8 children for 12 shards without a result.` */
export function describeRetry({ plan, missing, children, active }: SubmittedPlan): string {
  if (missing === 0) return `Every shard of plan ${plan} has a result: there is nothing to do.`;
  const shards = `${missing.toLocaleString('en')} ${missing === 1 ? 'shard' : 'shards'} without a result`;
  const busy = `${active.toLocaleString('en')} of its children ${active === 1 ? 'has' : 'have'} not ended`;
  if (children === 0) return `Nothing was submitted: plan ${plan} has ${shards}, and ${busy}.`;
  const also = active > 0 ? `; ${busy}` : '';
  return `Submitted ${children.toLocaleString('en')} ${children === 1 ? 'child' : 'children'} for ${shards} of plan ${plan}${also}.`;
}
