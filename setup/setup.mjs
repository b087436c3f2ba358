/** `npm run setup`: installs what this clone needs, or reports what is installed. */
import { nodeVersionProblem } from './node-version.mjs';

const problem = nodeVersionProblem(process.versions.node);
if (problem === undefined) {
  // Imported after the check, since an older Node cannot parse it.
  const { main } = await import('./main.mjs');
  process.exitCode = await main(process.argv.slice(2));
} else {
  console.error(problem);
  process.exitCode = 1;
}
