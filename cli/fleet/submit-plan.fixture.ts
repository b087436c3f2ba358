/** Submits a plan to LocalStack, as the command line does: `<endpoint> <id of the plan> [most children]`. */
import { readPlan } from '#models/plans/plan.ts';
import { localTarget } from '../stack/target.ts';
import { submitPlan } from './submit-plan.ts';

const [endpoint = '', id = '', atMost] = process.argv.slice(2);
const target = localTarget(endpoint);
const plan = await readPlan(await target.store(), id);
await submitPlan(target, { id, plan }, { atMost: atMost === undefined ? undefined : Number(atMost) });
