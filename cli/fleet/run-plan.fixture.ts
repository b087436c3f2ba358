/** Does a plan in processes of this machine, as the command line does: `<folder of the store> <id of the plan>`. */
import { readPlan } from '#models/plans/plan.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { runPlanOnTerminal } from './run-on-terminal.ts';

const [folder = '', id = ''] = process.argv.slice(2);
const store = folderStore(folder);
const plan = await readPlan(store, id);
process.exitCode = await runPlanOnTerminal(store, { id, plan }, { retry: 'the same again' });
